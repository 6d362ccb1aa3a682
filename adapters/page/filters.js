// @ts-check
/** Finding models in a list that is here as a whole: words, type, tag, and what is known of them. */

import { searchField, select, shownOptions } from "./controls.js";
import { h } from "./dom.js";
import { typeName } from "./format.js";
import { short } from "./text.js";

/** @typedef {import("./api.js").PendingSummary} PendingSummary */

const ORDERS = /** @type {const} */ ([
  ["", "As they came"],
  ["name", "By name"],
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["largest", "Largest first"],
  ["smallest", "Smallest first"],
]);

/** Digits are numbers: 2 comes before 10. */
const names = new Intl.Collator(undefined, { numeric: true });

/** @type {Record<string, (a: PendingSummary, b: PendingSummary) => number>} */
const COMPARE = {
  name: (a, b) => names.compare(a.name, b.name),
  newest: (a, b) => b.created_at - a.created_at,
  oldest: (a, b) => a.created_at - b.created_at,
  largest: (a, b) => b.size_bytes - a.size_bytes,
  smallest: (a, b) => a.size_bytes - b.size_bytes,
};

const KINDS = /** @type {const} */ ([
  ["", "All that wait"],
  ["failed", "Failed"],
  ["conflict", "In conflict"],
  ["without", "Without picture"],
]);

/** @type {Record<string, (model: PendingSummary) => boolean>} */
const IS = {
  failed: ({ error }) => error !== null,
  conflict: ({ conflict }) => conflict,
  without: ({ image }) => image === "",
};

/** @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** @param {any} element a list of `shownOptions` */
const chosen = (element) => (element.value.startsWith("=") ? element.value.slice(1) : null);

/** Controls over a list, which call `changed` whenever another part of it is wanted. */
export class Filters {
  /** @param {() => void} changed @param {AbortSignal} signal */
  constructor(changed, signal) {
    /** @type {WeakMap<PendingSummary, string>} */
    this._words = new WeakMap();
    this._search = searchField(changed, signal, "Search names, paths and tags");
    this._type = select("Type", [["", "All types"]], changed);
    this._tag = select("Tag", [["", "All tags"]], changed);
    this._kind = select("Filter", KINDS, changed);
    this._order = select("Order", ORDERS, changed);
    this.element = h(
      "div.filters",
      null,
      this._search.element,
      this._type,
      this._tag,
      this._kind,
      this._order,
    );
  }

  /** Offers the types and tags of these models. @param {readonly PendingSummary[]} items */
  offer(items) {
    const types = new Set(items.map((item) => item.type));
    const tags = new Set(items.flatMap((item) => item.tags.map((tag) => tag.name)));
    shownOptions(this._type, "All types", [...types], (type) => short(typeName(type)));
    shownOptions(this._tag, "All tags", [...tags], short);
  }

  /** The models that are wanted, in the order that is. @param {PendingSummary[]} items */
  apply(items) {
    const words = folded(this._search.value).split(/\s+/).filter(Boolean);
    const [type, tag] = [chosen(this._type), chosen(this._tag)];
    const kind = IS[this._kind.value];
    const found = items.filter(
      (item) =>
        (type === null || item.type === type) &&
        (tag === null || item.tags.some(({ name }) => name === tag)) &&
        (kind === undefined || kind(item)) &&
        words.every((word) => this._wordsOf(item).includes(word)),
    );
    const order = COMPARE[this._order.value];
    return order ? found.sort(order) : found;
  }

  /** Whether anything is left out. */
  get active() {
    const { value } = this._search;
    return Boolean(
      value.trim() || chosen(this._type) !== null || chosen(this._tag) !== null || this._kind.value,
    );
  }

  /** @param {PendingSummary} item */
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
