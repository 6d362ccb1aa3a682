// @ts-check
/** Pictures of models: the tier that fits where it is shown, and what stands in for none. */

import { previewAddress } from "./api.js";
import { h } from "./dom.js";
import { firstSign } from "./text.js";

/** The sides of each tier as multiples of the smallest one's: 0.33, 0.66 and 1 of the whole. */
const TIERS = /** @type {const} */ ([
  ["low", 1],
  ["medium", 2],
  ["high", 100 / 33],
]);

/** A hue of its own for each name. @param {string} name */
function hueOf(name) {
  let sum = 0;
  for (const sign of name) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 360;
  return sum;
}

/**
 * A frame for a picture, which shows the first letter of a name as long as there is none.
 * @param {string} name
 * @param {string} [spec]
 * @returns {HTMLElement}
 */
export function frame(name, spec = "div.picture") {
  return h(
    spec,
    { "--hue": hueOf(name) },
    h("span.letter", { "aria-hidden": "true", dir: "auto" }, firstSign(name).toUpperCase()),
  );
}

/**
 * Shows an image in a frame, once it has arrived and is one.
 * @param {HTMLElement} place
 * @param {string} address
 * @param {string} [alt]
 * @param {(image: HTMLImageElement) => void} [arrived]
 */
export function showImage(place, address, alt = "", arrived = undefined) {
  const image = h("img", { alt, decoding: "async" });
  image.addEventListener("load", () => {
    if (!image.parentNode) {
      place.append(image);
      place.classList.add("filled");
    }
    arrived?.(image);
  });
  image.src = address;
}

/**
 * Shows a preview in the smallest tier that is sharp in this frame on this screen. How large the
 * tiers of an image are is known when its smallest one is here.
 * @param {HTMLElement} place
 * @param {string} sha256
 * @param {number} [seq]
 * @param {string} [alt]
 */
export function showPreview(place, sha256, seq = 0, alt = "") {
  let chosen = false;
  showImage(place, previewAddress(sha256, seq, "low"), alt, (image) => {
    if (chosen) return;
    chosen = true;
    const tier = fittingTier(image, place);
    if (tier !== "low") image.src = previewAddress(sha256, seq, tier);
  });
}

/**
 * @param {HTMLImageElement} image the smallest tier
 * @param {HTMLElement} place
 */
function fittingTier(image, place) {
  const dense = Math.min(devicePixelRatio || 1, 3);
  const covers = getComputedStyle(image).objectFit === "cover";
  const wide = (place.clientWidth * dense) / image.naturalWidth;
  const high = (place.clientHeight * dense) / image.naturalHeight;
  const scale = covers ? Math.max(wide, high) : Math.min(wide, high);
  // A tenth too small is not seen.
  const fitting = TIERS.find(([, size]) => size * 1.1 >= scale);
  return fitting ? fitting[0] : "high";
}
