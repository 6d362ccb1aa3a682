// @ts-check
/** Nowhere: an address that leads to no view, and where one can go instead. */

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { linkTo } from "../router.js";
import { foreign } from "../text.js";

const PLACES = /** @type {const} */ ([
  ["start", "Start", "bring an old library along"],
  ["progress", "Progress", "watch how far a run is, stop it, or go on with it"],
  ["pending", "Pending", "look through what waits, promote it, decide conflicts"],
  ["problems", "Problems", "read what could not be carried, and why"],
  ["library", "Library", "see the models that are active"],
]);

/** @param {import("../router.js").Place} place */
export function nowhereView({ root }) {
  fill(
    root,
    h(
      "header.view-head",
      null,
      h("h1", { tabIndex: -1 }, "There is no such view"),
      h("p.lead", null, foreign(location.hash), " leads nowhere. These do:"),
    ),
    h(
      "ul.places",
      null,
      PLACES.map(([name, label, words]) =>
        h(
          "li",
          null,
          h("a.panel.place", { href: linkTo(name) }, icon(name), h("strong", null, label), words),
        ),
      ),
    ),
  );
}
