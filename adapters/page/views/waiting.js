// @ts-check
/** The grid of models that wait: finding them, choosing among them, and promoting the choice. */

import { pendingImage } from "../api.js";
import { ask } from "../asking.js";
import { cardParts, pickParts, pictureOf } from "../cards.js";
import { openPending } from "../details.js";
import { button, fill, h, say } from "../dom.js";
import { Filters } from "../filters.js";
import { count, some } from "../format.js";
import { Grid } from "../grid.js";
import { icon } from "../icons.js";
import { COLUMN_WIDTH, ROW_HEIGHT } from "../measures.js";
import { notify } from "../notices.js";
import { Picks } from "../picks.js";
import { showImage } from "../previews.js";
import { removing, replacing } from "../promotions.js";
import { linkTo } from "../router.js";
import { tagMany } from "../tagging.js";

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
    this._resting = false;
    this._act = promote;
    this._filters = new Filters(() => this._find(), signal);
    this._number = h("p.found", { role: "status" });
    this._conflictChoice = h(
      "select",
      { id: "on-conflict" },
      ANSWERS.map(([value, label]) => h("option", { value }, label)),
    );
    this._promote = button("Promote", () => this._ask(), { look: "primary", icon: "library" });
    /** @type {Picks<PendingSummary, number>} */
    this._picks = new Picks(
      ({ id }) => id,
      () => this._tellPicks(),
      () => this._picks.add(this._found),
      [
        button("Tags…", () => this._tagPicked(), { icon: "tag" }),
        h(
          "div.answer",
          null,
          h("label", { for: "on-conflict" }, "If it is there already"),
          this._conflictChoice,
        ),
        this._promote,
      ],
    );
    this._grid = new Grid(
      /** @type {import("../grid.js").GridOptions<PendingSummary>} */ ({
        label: "Models that wait",
        rowHeight: ROW_HEIGHT,
        columnWidth: COLUMN_WIDTH,
        key: ({ id }) => id,
        draw: (model) => [...cardParts(model), ...pickParts()],
        mark: (cell, model) => this._mark(cell, model),
        settle: (cell, model) =>
          model.image && showImage(pictureOf(cell), pendingImage(model.image)),
        open: ({ id, name, error }) => openPending(id, name, undefined, error),
        pick: (model, { range }) => this._picks.pick(model, range),
        pickAll: () => this._picks.add(this._found),
      }),
      signal,
    );
    this._nothing = h("div");
    this._tools = h(
      "div.toolbar",
      { hidden: true },
      this._filters.element,
      h("div.toolbar-line", null, this._picks.all, this._number),
    );
    this.element = h(
      "div.waiting",
      null,
      this._tools,
      this._nothing,
      this._grid.element,
      this._picks.bar,
    );
  }

  /** @param {PendingSummary[]} models */
  show(models) {
    this._models = models;
    this._picks.keep(models);
    this._filters.offer(models);
    this._find();
  }

  /**
   * Takes no wishes while one is fulfilled; what was chosen for it is done with.
   * @param {boolean} resting
   */
  rest(resting) {
    this._resting = resting;
    if (!resting) this._picks.clear();
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
              h("p", null, "Search for less, or choose another type, tag or filter."),
            )),
    );
    this._grid.show(this._found);
    this._picks.show(this._found, this._filters.active);
  }

  /** @param {HTMLElement} cell @param {PendingSummary} model */
  _mark(cell, model) {
    this._picks.mark(cell, model);
    cell.classList.toggle("disputed", model.conflict);
    cell.classList.toggle("broken", model.error !== null && !model.conflict);
  }

  /** Promotes at once, or asks first where something may be lost by it. */
  async _ask() {
    const ids = this._picks.items.map(({ id }) => id);
    const strategy = /** @type {Strategy | null} */ (this._conflictChoice.value || null);
    const losing = strategy === "override" || strategy === "delete";
    const agreed =
      !losing ||
      (await ask({
        title: `Promote ${some(ids.length, "model")}?`,
        words: [
          "Those whose content is new go into the library.",
          "For those whose content is in the library already, of which there may be up to " +
            `${count(ids.length)}: ` +
            (strategy === "override" ? replacing(ids.length) : removing(ids.length)),
          "No model file is touched.",
        ],
        label: `Promote ${count(ids.length)}`,
      }));
    if (agreed) this._act(ids, strategy);
  }

  async _tagPicked() {
    const models = this._picks.items;
    const done = await tagMany(
      { pending: models.map(({ id }) => id) },
      models.map(({ tags }) => ({ names: tags.map(({ name }) => name) })),
      [...new Set(this._models.flatMap(({ tags }) => tags.map(({ name }) => name)))],
    );
    if (done === null) return;
    notify(done);
    this._picks.clear();
    dispatchEvent(new Event("library-changed"));
  }

  _tellPicks() {
    const number = this._picks.size;
    const label = /** @type {Element} */ (this._promote.querySelector("span"));
    say(label, `Promote ${count(number)}`);
    this._promote.disabled = this._resting || number === 0;
    this._grid?.remark();
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
