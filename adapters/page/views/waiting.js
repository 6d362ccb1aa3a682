// @ts-check
/** The grid of models that wait: finding them, choosing among them, and promoting the choice. */

import { pendingImage } from "../api.js";
import { cardParts, pickParts, pictureOf } from "../cards.js";
import { openPending } from "../details.js";
import { button, fill, h, say } from "../dom.js";
import { Filters } from "../filters.js";
import { count, some } from "../format.js";
import { Grid } from "../grid.js";
import { icon } from "../icons.js";
import { COLUMN_WIDTH, ROW_HEIGHT } from "../measures.js";
import { showImage } from "../previews.js";
import { linkTo } from "../router.js";

/** @typedef {import("../api.js").PendingSummary} PendingSummary */
/** @typedef {import("../api.js").Strategy} Strategy */

const ANSWERS = /** @type {const} */ ([
  ["", "ask me"],
  ["merge", "merge the two"],
  ["override", "replace the one there"],
  ["ignore", "leave it waiting"],
  ["delete", "remove it from the queue"],
]);

export class WaitingList {
  /**
   * @param {(ids: number[], strategy: Strategy | null) => void} promote
   * @param {AbortSignal} signal
   */
  constructor(promote, signal) {
    /** @type {PendingSummary[]} */
    this._models = [];
    /** @type {PendingSummary[]} */
    this._found = [];
    /** @type {Set<number>} */
    this._picked = new Set();
    /** @type {Set<number>} */
    this._disputed = new Set();
    /** @type {number | null} */
    this._last = null;
    this._resting = false;
    /** @type {Filters<PendingSummary>} */
    this._filters = new Filters(() => this._find(), signal);
    this._all = h("input", { type: "checkbox", change: () => this._pickAll(this._all.checked) });
    this._allWords = h("span", null, "Select all");
    this._number = h("p.found", { role: "status" });
    this._conflictChoice = h(
      "select",
      { id: "on-conflict" },
      ANSWERS.map(([value, label]) => h("option", { value }, label)),
    );
    this._promote = button(
      "Promote",
      () =>
        promote(
          [...this._picked],
          /** @type {Strategy | null} */ (this._conflictChoice.value || null),
        ),
      { look: "primary", icon: "library" },
    );
    this._picks = h("p.picks", { role: "status" });
    this._bar = h(
      "section.action-bar",
      { "aria-label": "Chosen models", hidden: true },
      this._picks,
      button("Clear", () => this._pickAll(false), { look: "quiet" }),
      h(
        "div.answer",
        null,
        h("label", { for: "on-conflict" }, "If it is there already"),
        this._conflictChoice,
      ),
      this._promote,
    );
    this._grid = new Grid(
      /** @type {import("../grid.js").GridOptions<PendingSummary>} */ ({
        label: "Models that wait",
        rowHeight: ROW_HEIGHT,
        columnWidth: COLUMN_WIDTH,
        key: ({ id }) => id,
        draw: (model) => [...cardParts(model), ...pickParts()],
        mark: (cell, { id }) => this._mark(cell, id),
        settle: (cell, model) =>
          model.image && showImage(pictureOf(cell), pendingImage(model.image)),
        open: ({ id, name }) => openPending(id, name),
        pick: ({ id }, { range }) => this._pick(id, range),
        pickAll: () => this._pickAll(true),
      }),
      signal,
    );
    this._nothing = h("div");
    this._tools = h(
      "div.toolbar",
      { hidden: true },
      this._filters.element,
      h("div.toolbar-line", null, h("label.choice", null, this._all, this._allWords), this._number),
    );
    this.element = h(
      "div.waiting",
      null,
      this._tools,
      this._nothing,
      this._grid.element,
      this._bar,
    );
  }

  /** @param {PendingSummary[]} models @param {Set<number>} disputed ids in conflict */
  show(models, disputed) {
    this._models = models;
    this._disputed = disputed;
    const known = new Set(models.map(({ id }) => id));
    for (const id of this._picked) if (!known.has(id)) this._picked.delete(id);
    this._filters.offer(models);
    this._find();
  }

  /**
   * Takes no wishes while one is fulfilled; what was chosen for it is done with.
   * @param {boolean} resting
   */
  rest(resting) {
    this._resting = resting;
    if (!resting) this._picked.clear();
    this._tellPicks();
  }

  _find() {
    this._found = this._filters.apply(this._models);
    this._tools.hidden = this._models.length === 0;
    const [all, found] = [this._models.length, this._found.length];
    say(
      this._number,
      found === all ? some(all, "model") : `${count(found)} of ${some(all, "model")}`,
    );
    fill(
      this._nothing,
      found === 0 &&
        (all === 0
          ? nothing()
          : h(
              "div.empty",
              null,
              icon("search"),
              h("h2", null, "None of them fits"),
              h("p", null, "Search for less, or choose another type or tag."),
            )),
    );
    this._grid.show(this._found);
    this._tellPicks();
  }

  /** @param {HTMLElement} cell @param {number} id */
  _mark(cell, id) {
    const picked = this._picked.has(id);
    cell.setAttribute("aria-selected", String(picked));
    cell.classList.toggle("picked", picked);
    cell.classList.toggle("disputed", this._disputed.has(id));
  }

  /** @param {number} id @param {boolean} range whether all from the last one to this are meant */
  _pick(id, range) {
    const ids = this._found.map((model) => model.id);
    const [from, to] = [this._last === null ? -1 : ids.indexOf(this._last), ids.indexOf(id)];
    const wanted = !this._picked.has(id);
    const meant = range && from >= 0 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of meant) {
      if (wanted || range) this._picked.add(one);
      else this._picked.delete(one);
    }
    this._last = id;
    this._tellPicks();
  }

  /** All that are found, or none at all. @param {boolean} wanted */
  _pickAll(wanted) {
    if (wanted) for (const { id } of this._found) this._picked.add(id);
    else this._picked.clear();
    this._tellPicks();
  }

  _tellPicks() {
    const number = this._picked.size;
    const found = this._found.length;
    const here = this._found.filter(({ id }) => this._picked.has(id)).length;
    this._all.checked = found > 0 && here === found;
    this._all.indeterminate = here > 0 && here < found;
    this._all.disabled = found === 0;
    say(this._allWords, this._filters.active ? `Select these ${count(found)}` : "Select all");
    this._bar.hidden = number === 0;
    document.documentElement.classList.toggle("with-bar", number > 0);
    say(this._picks, `${some(number, "model")} selected`);
    const label = /** @type {Element} */ (this._promote.querySelector("span"));
    say(label, `Promote ${count(number)}`);
    this._promote.disabled = this._resting || number === 0;
    this._grid.remark();
  }
}

function nothing() {
  return h(
    "div.empty",
    null,
    icon("check"),
    h("h2", null, "Nothing waits"),
    h("p", null, "Models that the old manager never hashed wait here after a migration."),
    h("a.button", { href: linkTo("library") }, "Open the library"),
  );
}
