// @ts-check
/** Library: the active models, of all types or of one: found, ordered, chosen, and tagged. */

import { readLibrary, readTags } from "../api.js";
import { cardParts, pictureOf, tickParts } from "../cards.js";
import { searchField, select, shownOptions } from "../controls.js";
import { openModel } from "../details.js";
import { button, fill, h, say } from "../dom.js";
import { count, fileName, some, typeName } from "../format.js";
import { Found } from "../found.js";
import { Grid } from "../grid.js";
import { icon } from "../icons.js";
import { COLUMN_WIDTH, ROW_HEIGHT } from "../measures.js";
import { attempt, load, notify } from "../notices.js";
import { Picks } from "../picks.js";
import { showPreview } from "../previews.js";
import { Renewal } from "../renewal.js";
import { leave, linkTo } from "../router.js";
import { isRunning } from "../runs.js";
import { scanButton } from "../scanning.js";
import { tagMany } from "../tagging.js";
import { foreign, short } from "../text.js";

/** @typedef {import("../api.js").ModelSummary} ModelSummary */

/** What models of no type are asked for as. */
const OTHERS = "Others";

const ORDERS = /** @type {const} */ ([
  ["name", "By name"],
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["largest", "Largest first"],
  ["smallest", "Smallest first"],
]);

const FILTERS = /** @type {const} */ ([
  ["", "All models"],
  ["with", "With a picture"],
  ["without", "Without picture"],
  ["missing", "File missing"],
]);

/** @param {import("../router.js").Place} place */
export function libraryView({ root, signal, rest, live, facts, opened }) {
  new LibraryPage(root, signal, rest[0] ?? null, live, facts).open(opened);
}

class LibraryPage {
  /**
   * @param {HTMLElement} root
   * @param {AbortSignal} signal
   * @param {string | null} type all of them where it is null
   * @param {import("../events.js").Live} live
   * @param {import("../facts.js").Facts} facts
   */
  constructor(root, signal, type, live, facts) {
    this._signal = signal;
    this._type = type;
    this._live = live;
    this._facts = facts;
    /** What the library held when the list was read. */
    this._of = "";
    this._types = h("nav.types", { "aria-label": "Types", hidden: true });
    const find = () => this._find();
    this._search = searchField(find, signal, "Search names, paths, tags, notes and prompts");
    this._tag = select("Tag", [["", "All tags"]], find);
    this._filter = select("Filter", FILTERS, find);
    this._order = select("Order", ORDERS, find);
    this._number = h("p.found", { role: "status" });
    this._renewal = new Renewal(() => this._read(), signal, () => this._isLookedThrough());
    this._nothing = h("div");
    this._found = new Found(
      () => this._arrived(),
      (error) => notify(error instanceof Error ? error.message : String(error), "error"),
      signal,
    );
    this._grid = this._makeGrid();
    /** @type {Picks<ModelSummary, string>} */
    this._picks = new Picks(
      ({ sha256 }) => sha256,
      () => this._grid.remark(),
      () => this._selectAll(),
      [button("Tags…", () => this._tagPicked(), { look: "primary", icon: "tag" })],
    );
    this._tools = h(
      "div.toolbar",
      { hidden: true },
      h("div.filters", null, this._search.element, this._tag, this._filter, this._order),
      h("div.toolbar-line", null, this._picks.all, this._number),
    );
    fill(
      root,
      h(
        "header.view-head.with-actions",
        null,
        h(
          "div",
          null,
          h("h1", { tabIndex: -1 }, "Library"),
          h("p.lead", null, "What is active, known by its content."),
        ),
        h("div.actions", null, scanButton()),
      ),
      this._types,
      this._tools,
      this._nothing,
      this._grid.element,
      this._picks.bar,
    );
  }

  _makeGrid() {
    return new Grid(
      /** @type {import("../grid.js").GridOptions<ModelSummary>} */ ({
        label: "Models",
        rowHeight: ROW_HEIGHT,
        columnWidth: COLUMN_WIDTH,
        clickOpens: true,
        key: ({ sha256 }) => sha256,
        draw: (model) => {
          const name = calledAs(model);
          return [...cardParts({ ...model, name }), ...tickParts(name)];
        },
        mark: (cell, model) => this._picks.mark(cell, model),
        settle: (cell, { sha256, images_count: images }) =>
          images > 0 && showPreview(pictureOf(cell), sha256),
        need: (from, to) => this._found.need(from, to),
        open: (model) => openModel(model.sha256, calledAs(model)),
        pick: (model, { range }) => this._picks.pick(model, range),
        pickAll: () => this._selectAll(),
      }),
      this._signal,
    );
  }

  /** @param {string | null} opened a model whose details are wanted */
  open(opened) {
    this._renewal.now();
    if (opened !== null) openModel(opened, "", () => leave("model", opened, "library"));
    let running = isRunning(this._live.status);
    this._live.watch((status) => {
      const now = isRunning(status);
      if (running && !now) this._renewal.now();
      running = now;
    }, this._signal);
    addEventListener("library-changed", () => this._renewal.now(), { signal: this._signal });
    this._facts.watch((library) => {
      const stale = this._of !== "" && this._of !== stampOf(library);
      this._renewal.keep(stale, isRunning(this._live.status));
    }, this._signal);
  }

  async _read() {
    await load(
      this._nothing,
      () => Promise.all([readLibrary(this._signal), readTags(this._signal)]),
      ([library, tags]) => {
        this._of = stampOf(library);
        this._drawTypes(library);
        const used = tags.filter(({ models }) => models > 0);
        this._known = used.map(({ name }) => name);
        shownOptions(this._tag, "All tags", this._known, short);
        this._tools.hidden = library.models === 0;
        if (library.models === 0) {
          this._found.items = [];
          this._grid.show([]);
          this._picks.clear();
          fill(this._nothing, empty(library.pending));
        } else return this._find();
      },
    );
  }

  /** Whether somebody is somewhere in it, who would lose the place. */
  _isLookedThrough() {
    return scrollY > 0 || this._picks.size > 0 || this._grid.element.contains(document.activeElement);
  }

  /** @param {import("../api.js").LibraryFacts} library */
  _drawTypes(library) {
    /** @type {Map<string, number>} */
    const sizes = new Map();
    for (const { type, models } of library.types) {
      const name = type || OTHERS;
      sizes.set(name, (sizes.get(name) ?? 0) + models);
    }
    this._types.hidden = sizes.size === 0;
    fill(
      this._types,
      typeLink(null, "All", library.models, this._type),
      [...sizes].map(([type, size]) => typeLink(type, typeName(type), size, this._type)),
    );
  }

  async _find() {
    const filter = this._filter.value;
    const pictures = filter === "with" || filter === "without" ? filter : null;
    const query = {
      search: this._search.value,
      type: this._type,
      tag: this._tag.value.slice(1) || null,
      pictures,
      files: filter === "missing" ? filter : null,
      order: this._order.value,
    };
    await load(
      this._nothing,
      () => this._found.look(query),
      () => this._show(Boolean(query.search.trim() || query.tag || filter)),
    );
  }

  /** @param {boolean} narrowed whether more than a type is asked for */
  _show(narrowed) {
    const { total } = this._found;
    say(this._number, narrowed ? `${some(total, "model")} found` : some(total, "model"));
    this._picks.show(this._found.items, narrowed);
    fill(this._nothing, total === 0 && (narrowed ? unfit() : ofNoSuchType(this._type)));
    this._grid.show(this._found.items);
  }

  _arrived() {
    this._grid.arrive();
  }

  async _selectAll() {
    await attempt(async () => this._picks.add(await this._found.all()));
  }

  async _tagPicked() {
    const models = this._picks.items;
    const done = await tagMany(
      { sha256: models.map(({ sha256 }) => sha256) },
      models.map(({ tags }) => ({ names: tags.map(({ name }) => name) })),
      this._known ?? [],
    );
    if (done === null) return;
    notify(done);
    this._picks.clear();
    dispatchEvent(new Event("library-changed"));
  }
}

/** A model without a name is known by its file. @param {ModelSummary} model */
const calledAs = ({ name, path }) => name || fileName(path);

/** @param {import("../api.js").LibraryFacts} library */
const stampOf = ({ models, types }) => JSON.stringify([models, types]);

/**
 * @param {string | null} type
 * @param {string} label
 * @param {number} size
 * @param {string | null} current
 */
function typeLink(type, label, size, current) {
  return h(
    "a.type",
    {
      href: type === null ? linkTo("library") : linkTo("library", type),
      "aria-current": type === current ? "page" : null,
    },
    type === null ? label : foreign(label),
    h("span.badge", null, count(size)),
  );
}

function unfit() {
  return h(
    "div.empty",
    null,
    icon("search"),
    h("h2", null, "None of them fits"),
    h("p", null, "Search for less, or choose another tag or filter."),
  );
}

/** @param {string | null} type */
function ofNoSuchType(type) {
  return h(
    "div.empty",
    null,
    icon("library"),
    h("h2", null, "There are no such models"),
    h("p", null, "No model of the library is of the type ", foreign(type ?? ""), "."),
    h("a.button.primary", { href: linkTo("library") }, "See all models"),
  );
}

/** @param {number} waiting */
function empty(waiting) {
  return h(
    "div.empty",
    null,
    icon("library"),
    h("h2", null, "The shelves are empty"),
    waiting > 0
      ? h("p", null, `${some(waiting, "model")} ${waiting === 1 ? "waits" : "wait"} for promotion.`)
      : h("p", null, "Bring your models along, and they stand here by type."),
    waiting > 0
      ? h("a.button.primary", { href: linkTo("pending") }, "Look through them")
      : h("a.button.primary", { href: linkTo("start") }, "Start a migration"),
  );
}
