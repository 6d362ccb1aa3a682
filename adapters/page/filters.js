// @ts-check
/** Finding models in a list: words, type and tag, and the controls that set them. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { typeName } from "./format.js";
import { short } from "./text.js";

/** @typedef {{name: string, path: string, type: string, tags: import("./api.js").Tag[]}} Findable */

const PAUSE = 120;

/** @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/**
 * Controls over a list, which call `changed` whenever another part of it is wanted.
 * @template {Findable} T
 */
export class Filters {
  /** @param {() => void} changed @param {AbortSignal} signal */
  constructor(changed, signal) {
    /** @type {WeakMap<T, string>} */
    this._words = new WeakMap();
    /** @type {number | undefined} */
    let timer;
    signal.addEventListener("abort", () => clearTimeout(timer));
    this._search = h("input", {
      type: "search",
      placeholder: "Search names, paths and tags",
      "aria-label": "Search",
      spellcheck: "false",
      autocomplete: "off",
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(changed, PAUSE);
      },
    });
    this._type = h("select", { "aria-label": "Type", change: changed });
    this._tag = h("select", { "aria-label": "Tag", change: changed });
    this.element = h(
      "div.filters",
      null,
      h("div.search", null, icon("search"), this._search),
      this._type,
      this._tag,
    );
    this.offer([]);
  }

  /** Offers the types and tags of these models. @param {readonly T[]} items */
  offer(items) {
    const types = new Set(items.map((item) => item.type));
    const tags = new Set(items.flatMap((item) => item.tags.map((tag) => tag.name)));
    options(this._type, "All types", [...types], typeName);
    options(this._tag, "All tags", [...tags], (tag) => tag);
  }

  /** Leaves the choice of a type to something else. */
  withoutType() {
    this._type.remove();
  }

  /** The models that are wanted. @param {T[]} items */
  apply(items) {
    const words = folded(this._search.value).split(/\s+/).filter(Boolean);
    const type = chosen(this._type);
    const tag = chosen(this._tag);
    return items.filter(
      (item) =>
        (type === null || item.type === type) &&
        (tag === null || item.tags.some(({ name }) => name === tag)) &&
        words.every((word) => this._wordsOf(item).includes(word)),
    );
  }

  /** Whether anything is left out. */
  get active() {
    return Boolean(
      this._search.value.trim() || chosen(this._type) !== null || chosen(this._tag) !== null,
    );
  }

  /** @param {T} item */
  _wordsOf(item) {
    let words = this._words.get(item);
    if (words === undefined) {
      const tags = item.tags.map(({ name }) => name).join("\n");
      words = folded(`${item.name}\n${item.path}\n${tags}`);
      this._words.set(item, words);
    }
    return words;
  }
}

/**
 * The value that stands for all has no `=` before it, which every other one has.
 * @param {any} select
 */
const chosen = (select) => (select.value.startsWith("=") ? select.value.slice(1) : null);

/**
 * @param {any} select
 * @param {string} all
 * @param {string[]} values
 * @param {(value: string) => string} label
 */
function options(select, all, values, label) {
  const before = select.value;
  values.sort((a, b) => label(a).localeCompare(label(b)));
  fill(
    select,
    h("option", { value: "" }, all),
    values.map((value) => h("option", { value: `=${value}` }, short(label(value)))),
  );
  select.value = before;
  if (select.selectedIndex < 0) select.value = "";
}
