// @ts-check
/** Library: the active models of one type at a time, and the way to each one's details. */

import { readLibrary, readModels } from "../api.js";
import { cardParts, pictureOf } from "../cards.js";
import { openModel } from "../details.js";
import { fill, h, say } from "../dom.js";
import { Filters } from "../filters.js";
import { count, fileName, some, typeName } from "../format.js";
import { Grid } from "../grid.js";
import { icon } from "../icons.js";
import { COLUMN_WIDTH, ROW_HEIGHT } from "../measures.js";
import { load } from "../notices.js";
import { showPreview } from "../previews.js";
import { linkTo } from "../router.js";
import { isRunning } from "../runs.js";
import { foreign } from "../text.js";

/** @typedef {import("../api.js").ModelSummary} ModelSummary */

/** What models of no known type are asked for as. */
const OTHERS = "Others";

const ORDERS = /** @type {const} */ ([
  ["name", "By name"],
  ["newest", "Newest first"],
  ["largest", "Largest first"],
]);

/** @type {Record<string, (a: ModelSummary, b: ModelSummary) => number>} */
const COMPARE = {
  name: (a, b) => a.name.localeCompare(b.name),
  newest: (a, b) => b.created_at - a.created_at,
  largest: (a, b) => b.size_bytes - a.size_bytes,
};

/** @param {import("../router.js").Place} place */
export function libraryView({ root, signal, rest, live }) {
  /** @type {ModelSummary[]} */
  let models = [];
  const types = h("nav.types", { "aria-label": "Types" });
  const order = h(
    "select",
    { "aria-label": "Order", change: () => find() },
    ORDERS.map(([value, label]) => h("option", { value }, label)),
  );
  const number = h("p.found", { role: "status" });
  /** @type {Filters<ModelSummary>} */
  const filters = new Filters(() => find(), signal);
  filters.withoutType();
  filters.element.append(order);
  const tools = h(
    "div.toolbar",
    { hidden: true },
    filters.element,
    h("div.toolbar-line", null, number),
  );
  const nothing = h("div");
  const grid = new Grid(
    /** @type {import("../grid.js").GridOptions<ModelSummary>} */ ({
      label: "Models",
      rowHeight: ROW_HEIGHT,
      columnWidth: COLUMN_WIDTH,
      key: ({ sha256 }) => sha256,
      draw: cardParts,
      settle: (cell, { sha256, images_count: images }) =>
        images > 0 && showPreview(pictureOf(cell), sha256),
      open: ({ sha256, name }) => openModel(sha256, name),
    }),
    signal,
  );

  const find = () => {
    const found = filters.apply(models).sort(COMPARE[order.value]);
    say(
      number,
      found.length === models.length
        ? some(models.length, "model")
        : `${count(found.length)} of ${some(models.length, "model")}`,
    );
    fill(
      nothing,
      found.length === 0 &&
        models.length > 0 &&
        h(
          "div.empty",
          null,
          icon("search"),
          h("h2", null, "None of them fits"),
          h("p", null, "Search for less, or choose another tag."),
        ),
    );
    grid.show(found);
  };
  const showType = async (/** @type {string} */ type) =>
    load(
      nothing,
      () => readModels(type, signal),
      (found) => {
        // A model without a name is known by its file.
        models = found.map((model) => ({ ...model, name: model.name || fileName(model.path) }));
        filters.offer(models);
        tools.hidden = false;
        find();
      },
    );
  const reload = () =>
    load(
      nothing,
      () => readLibrary(signal),
      (library) => {
        const known = library.types
          .map(({ type, models: size }) => ({ type: type || OTHERS, size }))
          .filter(({ size }) => size > 0);
        const type = rest[0] ?? known[0]?.type;
        fill(
          types,
          known.map((one) =>
            h(
              "a.type",
              {
                href: linkTo("library", one.type),
                "aria-current": one.type === type ? "page" : null,
              },
              foreign(typeName(one.type)),
              h("span.badge", null, count(one.size)),
            ),
          ),
        );
        types.hidden = known.length === 0;
        if (library.models === 0 || type === undefined) fill(nothing, empty(library.pending));
        else showType(type);
      },
    );

  fill(
    root,
    h(
      "header.view-head",
      null,
      h("h1", { tabIndex: -1 }, "Library"),
      h("p.lead", null, "What is active, known by its content."),
    ),
    types,
    tools,
    nothing,
    grid.element,
  );
  reload();
  let running = isRunning(live.status);
  live.watch((status) => {
    const now = isRunning(status);
    if (running && !now) reload();
    running = now;
  }, signal);
}

/** @param {number} waiting */
function empty(waiting) {
  return h(
    "div.empty",
    null,
    icon("library"),
    h("h2", null, "The shelves are empty"),
    waiting > 0
      ? h("p", null, `${some(waiting, "model")} wait for promotion.`)
      : h("p", null, "Bring your models along, and they stand here by type."),
    waiting > 0
      ? h("a.button.primary", { href: linkTo("pending") }, "Look through them")
      : h("a.button.primary", { href: linkTo("start") }, "Start a migration"),
  );
}
