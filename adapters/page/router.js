// @ts-check
/** Which view is shown: the part of the address after `#`, and moving between views. */

/**
 * @typedef {{root: HTMLElement, signal: AbortSignal, rest: string[],
 *   live: import("./events.js").Live, facts: import("./facts.js").Facts, opened: string | null}} Place
 * What a view is given: where to draw, until when it is shown, what follows its name in the
 * address, the live status, what the library holds, and a model whose details are wanted.
 * @typedef {{name: string, label: string, show: (place: Place) => void}} View
 */

/** @returns {string[]} the address's parts, decoded */
export function whereabouts() {
  return location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decode);
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view. @param {...string} parts */
export const linkTo = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** @param {...string} parts */
export function goTo(...parts) {
  location.hash = linkTo(...parts);
}

/**
 * The details of a model are closed: their address is that of the view below them again.
 * @param {string} name
 * @param {string} model
 * @param {string} view
 */
export function leave(name, model, view) {
  if (location.hash === linkTo(name, model)) history.replaceState(null, "", linkTo(view));
}
