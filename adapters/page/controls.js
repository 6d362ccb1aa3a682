// @ts-check
/** Controls above a list: a field to search with, and lists of choices. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** How long somebody has to pause in typing before it is looked for. */
const PAUSE = 150;

/**
 * @param {() => void} changed
 * @param {AbortSignal} signal
 * @param {string} placeholder
 */
export function searchField(changed, signal, placeholder) {
  /** @type {number | undefined} */
  let timer;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const input = h("input", {
    type: "search",
    placeholder,
    "aria-label": "Search",
    spellcheck: "false",
    autocomplete: "off",
    input: () => {
      clearTimeout(timer);
      timer = setTimeout(changed, PAUSE);
    },
  });
  return {
    element: h("div.search", null, icon("search"), input),
    /** @returns {string} */
    get value() {
      return input.value;
    },
  };
}

/**
 * @param {string} label
 * @param {readonly (readonly [string, string])[]} choices values, and what they are called
 * @param {() => void} changed
 */
export function select(label, choices, changed) {
  return h(
    "select",
    { "aria-label": label, change: changed },
    choices.map(([value, words]) => h("option", { value }, words)),
  );
}

/**
 * Offers other values, whose choice stays where it is still there. The value that stands for all has
 * no `=` before it, which every other one has.
 * @param {any} element
 * @param {string} all
 * @param {string[]} values
 * @param {(value: string) => string} label
 */
export function shownOptions(element, all, values, label) {
  const before = element.value;
  fill(
    element,
    h("option", { value: "" }, all),
    [...values]
      .sort((a, b) => label(a).localeCompare(label(b)))
      .map((value) => h("option", { value: `=${value}` }, label(value))),
  );
  element.value = before;
  if (element.selectedIndex < 0) element.value = "";
}
