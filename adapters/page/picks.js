// @ts-check
/** Which models of a list are chosen: one by one, a range, or all that were found; and what for. */

import { button, h, say } from "./dom.js";
import { count, some } from "./format.js";

/**
 * @template T
 * @template {string | number} K
 */
export class Picks {
  /**
   * @param {(item: T) => K} key
   * @param {() => void} changed
   * @param {() => void} selectAll
   * @param {import("./dom.js").Child[]} actions what can be done with them
   */
  constructor(key, changed, selectAll, actions) {
    this._key = key;
    this._changed = changed;
    /** @type {Map<K, T>} */
    this._picked = new Map();
    /** @type {K | null} */
    this._last = null;
    /** What was found, which may have holes. @type {T[]} */
    this._found = [];
    this._box = h("input", {
      type: "checkbox",
      change: () => (this._box.checked ? selectAll() : this.clear()),
    });
    this._words = h("span", null, "Select all");
    this.all = h("label.choice", null, this._box, this._words);
    this._number = h("p.picks", { role: "status" });
    this.bar = h(
      "section.action-bar",
      { "aria-label": "Chosen models", hidden: true },
      this._number,
      button("Clear", () => this.clear(), { look: "quiet" }),
      actions,
    );
  }

  /** @returns {T[]} */
  get items() {
    return [...this._picked.values()];
  }

  /** How many are chosen. */
  get size() {
    return this._picked.size;
  }

  /** What was found, of which one can choose. @param {T[]} found @param {boolean} narrowed */
  show(found, narrowed) {
    this._found = found;
    say(this._words, narrowed ? `Select these ${count(found.length)}` : "Select all");
    this._tell();
  }

  /** Lets go of what is not there any more, and takes what is as it is now. @param {T[]} items */
  keep(items) {
    const known = new Map(items.map((item) => [this._key(item), item]));
    for (const key of this._picked.keys()) {
      const item = known.get(key);
      if (item === undefined) this._picked.delete(key);
      else this._picked.set(key, item);
    }
  }

  /** @param {HTMLElement} cell @param {T} item */
  mark(cell, item) {
    const picked = this._picked.has(this._key(item));
    cell.setAttribute("aria-selected", String(picked));
    cell.classList.toggle("picked", picked);
    cell.querySelector("[data-picks]")?.setAttribute("aria-pressed", String(picked));
  }

  /** @param {T} item @param {boolean} range whether all from the last one to this are meant */
  pick(item, range) {
    const key = this._key(item);
    const keys = this._found.map((one) => one && this._key(one));
    const [from, to] = [this._last === null ? -1 : keys.indexOf(this._last), keys.indexOf(key)];
    if (range && from >= 0) {
      for (const one of this._found.slice(Math.min(from, to), Math.max(from, to) + 1)) {
        if (one) this._picked.set(this._key(one), one);
      }
    } else if (this._picked.has(key)) this._picked.delete(key);
    else this._picked.set(key, item);
    this._last = key;
    this._tell();
  }

  /** @param {T[]} items */
  add(items) {
    for (const item of items) this._picked.set(this._key(item), item);
    this._tell();
  }

  clear() {
    this._picked.clear();
    this._tell();
  }

  _tell() {
    const number = this._picked.size;
    const found = this._found.length;
    const here = this._found.filter((one) => one && this._picked.has(this._key(one))).length;
    this._box.checked = found > 0 && here === found;
    this._box.indeterminate = here > 0 && here < found;
    this._box.disabled = found === 0;
    this.bar.hidden = number === 0;
    document.documentElement.classList.toggle("with-bar", number > 0);
    say(this._number, `${some(number, "model")} selected`);
    this._changed();
  }
}
