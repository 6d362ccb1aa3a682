// @ts-check
/** What a model looks like in a grid. */

import { h } from "./dom.js";
import { bytes, typeName } from "./format.js";
import { icon } from "./icons.js";
import { frame } from "./previews.js";
import { foreign, nameText, plain } from "./text.js";

/**
 * The parts of a card; pictures come later, when it has been in sight for a moment.
 * @param {{name: string, type: string, size_bytes: number, tags: import("./api.js").Tag[]}} model
 */
export function cardParts({ name, type, size_bytes: size, tags }) {
  return [
    frame(name),
    h(
      "div.card-words",
      null,
      nameText(name, "p.card-name"),
      h("p.card-facts", null, foreign(typeName(type)), ` · ${bytes(size)}`),
      h(
        "ul.tags.one-line",
        { "aria-label": "Tags" },
        tags.filter((tag) => tag.name !== type).map((tag) => foreign(tag.name, "li.tag")),
      ),
    ),
  ];
}

/** The mark by which a card is chosen whose details a click opens. @param {string} name */
export function tickParts(name) {
  return [
    h(
      "button.tick",
      { type: "button", tabIndex: -1, "data-picks": "", "aria-label": `Select ${plain(name)}` },
      icon("check"),
    ),
  ];
}

/** The mark of a card that can be chosen, and the button to its details. */
export function pickParts() {
  return [
    h("span.tick", { "aria-hidden": "true" }, icon("check")),
    h(
      "button.peek",
      { type: "button", tabIndex: -1, "data-opens": "", "aria-label": "Details" },
      icon("info"),
    ),
  ];
}

/** @param {HTMLElement} cell */
export const pictureOf = (cell) => /** @type {HTMLElement} */ (cell.querySelector(".picture"));
