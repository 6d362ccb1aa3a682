// @ts-check
/**
 * A grid of thousands of cards of which only those in sight are in the document. It scrolls with
 * the page; arrow keys, Home, End and Page Up and Down walk through all of it, whether or not a
 * card is drawn; screen readers hear the true number of rows.
 */

import { h } from "./dom.js";

/** Rows that are drawn above and below those in sight. */
const OVERSCAN = 2;

/** From this width on there are two columns, on the smallest of phones too. */
const NARROWEST_PAIR = 290;

/** How long a card is in sight before its picture is asked for, in a scroll that goes on. */
const SETTLES = 90;

/**
 * @template T
 * @typedef {{
 *   label: string,
 *   rowHeight: number,
 *   columnWidth: number,
 *   key: (item: T) => string | number,
 *   draw: (item: T) => HTMLElement[],
 *   need?: (from: number, to: number) => void,
 *   clickOpens?: boolean,
 *   mark?: (cell: HTMLElement, item: T) => void,
 *   settle?: (cell: HTMLElement, item: T) => void,
 *   open?: (item: T) => void,
 *   pick?: (item: T, how: {range: boolean}) => void,
 *   pickAll?: () => void,
 * }} GridOptions
 * `draw` gives a card's content once, `mark` what changes about it, `settle` its picture. Items may
 * have holes: `need` is told which of them are in sight. A click picks, where there is `pick`, unless
 * `clickOpens`; what has `data-opens` or `data-picks` does as it says.
 */

/** @template T */
export class Grid {
  /** @param {GridOptions<T>} options @param {AbortSignal} signal */
  constructor(options, signal) {
    this._options = options;
    /** @type {T[]} */
    this._items = [];
    this._columns = 1;
    this._active = 0;
    /** @type {Map<number, HTMLElement>} */
    this._rows = new Map();
    /** @type {WeakSet<HTMLElement>} */
    this._settled = new WeakSet();
    this._frame = 0;
    /** @type {number | undefined} */
    this._settling = undefined;
    this.element = h("div.grid", {
      role: "grid",
      "aria-label": options.label,
      "aria-multiselectable": options.pick ? "true" : null,
      keydown: (/** @type {KeyboardEvent} */ event) => this._key(event),
      click: (/** @type {MouseEvent} */ event) => this._click(event),
      focusin: (/** @type {FocusEvent} */ event) => this._focused(event),
    });
    const later = () => this._later();
    addEventListener("scroll", later, { passive: true, signal });
    addEventListener("resize", later, { passive: true, signal });
    const watcher = new ResizeObserver(later);
    watcher.observe(this.element);
    signal.addEventListener("abort", () => {
      watcher.disconnect();
      cancelAnimationFrame(this._frame);
      clearTimeout(this._settling);
    });
  }

  /**
   * Shows other items; the card that was active stays so where it is still there.
   * @param {T[]} items
   */
  show(items) {
    const active = this._items[this._active];
    const key = active === undefined ? undefined : this._options.key(active);
    this._items = items;
    const found =
      key === undefined ? -1 : items.findIndex((item) => item && this._options.key(item) === key);
    this._active = Math.max(found, 0);
    this._forget();
    this._draw();
  }

  /** Draws the cards whose items have come meanwhile. */
  arrive() {
    for (const row of this._rows.values()) {
      for (const child of [...row.children]) {
        const index = Number(/** @type {HTMLElement} */ (child).dataset.index);
        if (!child.classList.contains("awaited") || !this._items[index]) continue;
        const focused = child === document.activeElement;
        const cell = this._card(index);
        child.replaceWith(cell);
        this._mark(cell);
        if (focused) cell.focus({ preventScroll: true });
      }
    }
    this._later();
  }

  /** Marks the cards in sight again, after something about them has changed. */
  remark() {
    for (const row of this._rows.values()) {
      for (const cell of row.children) this._mark(/** @type {HTMLElement} */ (cell));
    }
  }

  /** Puts the keyboard's focus on the active card. */
  focus() {
    this._go(this._active);
  }

  _forget() {
    for (const row of this._rows.values()) row.remove();
    this._rows.clear();
  }

  _later() {
    if (this._frame) return;
    this._frame = requestAnimationFrame(() => {
      this._frame = 0;
      this._draw();
    });
  }

  _measure() {
    const width = this.element.clientWidth;
    if (width === 0) return false;
    const fewest = width < NARROWEST_PAIR ? 1 : 2;
    const columns = Math.max(fewest, Math.floor(width / this._options.columnWidth));
    if (columns !== this._columns) {
      this._columns = columns;
      this._forget();
    }
    const rows = this._rowCount();
    this.element.style.setProperty("--columns", String(columns));
    this.element.style.setProperty("--row-height", `${this._options.rowHeight}px`);
    this.element.style.setProperty("height", `${rows * this._options.rowHeight}px`);
    this.element.setAttribute("aria-rowcount", String(rows));
    this.element.setAttribute("aria-colcount", String(columns));
    return true;
  }

  _rowCount() {
    return Math.ceil(this._items.length / this._columns);
  }

  /** The rows that have to be in the document. @returns {Set<number>} */
  _wanted() {
    const top = -this.element.getBoundingClientRect().top;
    const height = this._options.rowHeight;
    const last = this._rowCount() - 1;
    const from = Math.max(0, Math.floor(top / height) - OVERSCAN);
    const to = Math.min(last, Math.floor((top + innerHeight) / height) + OVERSCAN);
    const wanted = new Set();
    for (let row = from; row <= to; row += 1) wanted.add(row);
    // The card that Tab leads to stays, wherever the page was scrolled to.
    if (last >= 0) wanted.add(this._rowOf(this._active));
    return wanted;
  }

  _draw() {
    if (!this.element.isConnected || !this._measure()) return;
    const wanted = this._wanted();
    for (const [number, row] of this._rows) {
      if (wanted.has(number)) continue;
      row.remove();
      this._rows.delete(number);
    }
    for (const number of [...wanted].sort((a, b) => a - b)) {
      if (!this._rows.has(number)) this._add(number);
    }
    clearTimeout(this._settling);
    this._settling = setTimeout(() => this._settle(), SETTLES);
    if (wanted.size === 0) return;
    const last = Math.min(this._items.length, (Math.max(...wanted) + 1) * this._columns) - 1;
    this._options.need?.(this._rowOf(this._active) * this._columns, this._active);
    const inSight = [...wanted].filter((row) => row !== this._rowOf(this._active));
    if (inSight.length > 0) this._options.need?.(Math.min(...inSight) * this._columns, last);
  }

  /** @param {number} index @returns {HTMLElement} */
  _card(index) {
    const item = this._items[index];
    const cell = h(
      item ? "div.card" : "div.card.awaited",
      { role: "gridcell", "aria-colindex": (index % this._columns) + 1, tabIndex: -1 },
      item ? this._options.draw(item) : h("span.unseen", null, "Loading…"),
    );
    cell.dataset.index = String(index);
    return cell;
  }

  /**
   * In the order of the rows, because screen readers read the document's.
   * @param {number} number
   */
  _add(number) {
    const row = h("div.grid-row", { role: "row", "aria-rowindex": number + 1 });
    row.style.setProperty("transform", `translateY(${number * this._options.rowHeight}px)`);
    const from = number * this._columns;
    for (let at = from; at < Math.min(from + this._columns, this._items.length); at += 1) {
      const cell = this._card(at);
      row.append(cell);
      this._mark(cell);
    }
    const after = [...this._rows.keys()].filter((known) => known > number);
    const next = after.length > 0 ? this._rows.get(Math.min(...after)) : null;
    this.element.insertBefore(row, next ?? null);
    this._rows.set(number, row);
  }

  /** @param {HTMLElement} cell */
  _mark(cell) {
    const index = Number(cell.dataset.index);
    cell.tabIndex = index === this._active ? 0 : -1;
    if (this._items[index]) this._options.mark?.(cell, this._items[index]);
  }

  _settle() {
    for (const row of this._rows.values()) {
      for (const child of row.children) {
        const cell = /** @type {HTMLElement} */ (child);
        if (this._settled.has(cell) || cell.classList.contains("awaited")) continue;
        this._settled.add(cell);
        this._options.settle?.(cell, this._items[Number(cell.dataset.index)]);
      }
    }
  }

  /** @param {number} index */
  _rowOf(index) {
    return Math.floor(index / this._columns);
  }

  /** @param {number} index @returns {HTMLElement | null} */
  _cell(index) {
    const row = this._rows.get(this._rowOf(index));
    return /** @type {HTMLElement | null} */ (row?.children[index % this._columns] ?? null);
  }

  /** Makes a card active, in sight and focused. @param {number} index */
  _go(index) {
    if (this._items.length === 0) return;
    const before = this._cell(this._active);
    if (before) before.tabIndex = -1;
    this._active = Math.min(Math.max(index, 0), this._items.length - 1);
    this._bringIntoSight(this._rowOf(this._active));
    this._draw();
    const cell = this._cell(this._active);
    if (!cell) return;
    cell.tabIndex = 0;
    cell.focus({ preventScroll: true });
  }

  /** @param {number} row */
  _bringIntoSight(row) {
    const height = this._options.rowHeight;
    const top = this.element.getBoundingClientRect().top + row * height;
    const padding = getComputedStyle(document.documentElement);
    const above = parseFloat(padding.scrollPaddingTop) || 0;
    const below = innerHeight - (parseFloat(padding.scrollPaddingBottom) || 0);
    if (top < above) scrollBy({ top: top - above, behavior: "instant" });
    else if (top + height > below) scrollBy({ top: top + height - below, behavior: "instant" });
  }

  /** @param {Event} event @returns {number | null} */
  _indexOf(event) {
    const target = /** @type {Element} */ (event.target);
    const cell = /** @type {HTMLElement | null} */ (target.closest(".card"));
    return cell ? Number(cell.dataset.index) : null;
  }

  /** @param {FocusEvent} event */
  _focused(event) {
    const index = this._indexOf(event);
    if (index === null || index === this._active) return;
    const before = this._cell(this._active);
    if (before) before.tabIndex = -1;
    this._active = index;
    const cell = this._cell(index);
    if (cell) cell.tabIndex = 0;
  }

  /** @param {MouseEvent} event */
  _click(event) {
    const index = this._indexOf(event);
    if (index === null) return;
    const item = this._items[index];
    if (!item) return;
    const target = /** @type {Element} */ (event.target);
    const picks = this._options.clickOpens
      ? target.closest("[data-picks]") || event.shiftKey || event.ctrlKey || event.metaKey
      : !target.closest("[data-opens]");
    if (this._options.pick && picks) this._options.pick(item, { range: event.shiftKey });
    else this._options.open?.(item);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const index = this._indexOf(event);
    if (index === null || event.altKey) return;
    const to = this._destination(event, index);
    const all = event.key === "a" && (event.ctrlKey || event.metaKey);
    if (to !== null) {
      event.preventDefault();
      this._go(to);
    } else if (!this._items[index] && !all) {
      return;
    } else if (event.key === "Enter") {
      event.preventDefault();
      this._options.open?.(this._items[index]);
    } else if (event.key === " ") {
      event.preventDefault();
      if (this._options.pick) this._options.pick(this._items[index], { range: event.shiftKey });
      else this._options.open?.(this._items[index]);
    } else if (all && this._options.pickAll) {
      event.preventDefault();
      this._options.pickAll();
    }
  }

  /** Where a key leads to. @param {KeyboardEvent} event @param {number} index */
  _destination(event, index) {
    const columns = this._columns;
    const whole = event.ctrlKey || event.metaKey;
    const rowStart = index - (index % columns);
    const page = Math.max(1, Math.floor(innerHeight / this._options.rowHeight) - 1) * columns;
    const last = this._items.length - 1;
    switch (event.key) {
      case "ArrowRight":
        return index + 1;
      case "ArrowLeft":
        return index - 1;
      case "ArrowDown":
        return index + columns > last ? null : index + columns;
      case "ArrowUp":
        return index < columns ? null : index - columns;
      case "PageDown":
        return index + page;
      case "PageUp":
        return index - page;
      case "Home":
        return whole ? 0 : rowStart;
      case "End":
        return whole ? last : Math.min(rowStart + columns - 1, last);
      default:
        return null;
    }
  }
}
