// @ts-check
/**
 * Building the document: elements from plain values. Data only ever becomes text nodes, attributes
 * and properties, so a name with markup in it is shown as it is written.
 */

import { icon } from "./icons.js";

/** @typedef {Node | string | number | null | undefined | false} Piece */
/** @typedef {Piece | Piece[]} Child */

/** What is set as a property, because the attribute means something else or nothing. */
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "tabIndex"]);

/**
 * An element. `spec` is a tag with classes (`"p.note"`); in `props`, functions listen, those of
 * `PROPERTIES` are properties and the others attributes, which null and false leave out.
 * @param {string} spec
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {any} the element, of its own type
 */
export function h(spec, props, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  append(element, children);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {any} value
 */
function set(element, name, value) {
  if (typeof value === "function") element.addEventListener(name, value);
  else if (PROPERTIES.has(name)) /** @type {any} */ (element)[name] = value;
  else if (name.startsWith("--")) element.style.setProperty(name, String(value));
  else if (value !== null && value !== undefined && value !== false) {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Puts other children into an element.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Sets the text of an element, and touches the document only when it differs.
 * @param {Element} element
 * @param {string | number} text
 */
export function say(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/**
 * A button. `look` is a class: primary, danger or quiet.
 * @param {string} label
 * @param {(event: MouseEvent) => void} act
 * @param {{look?: string, icon?: string, [attribute: string]: any}} [options]
 */
export function button(label, act, { look = "", icon: picture, ...rest } = {}) {
  const spec = look ? `button.button.${look}` : "button.button";
  return h(
    spec,
    { type: "button", click: act, ...rest },
    picture && icon(picture),
    h("span", null, label),
  );
}
