// @ts-check
/** Problems: what failed and what was warned of, by reason, with what can be done about it. */

import { readProblemItems, readProblems, reportAddress, retryItems } from "../api.js";
import { button, fill, h, say } from "../dom.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { attempt, load, notify } from "../notices.js";
import { Renewal } from "../renewal.js";
import { goTo, linkTo } from "../router.js";
import { isRunning } from "../runs.js";
import { foreign, pathText } from "../text.js";

/** @typedef {import("../api.js").ProblemGroup} ProblemGroup */
/** @typedef {import("../api.js").Problem} Problem */

const PAGE = 100;

/** @param {import("../router.js").Place} place */
export function problemsView({ root, signal, rest, live, facts }) {
  const runs = h("select", {
    "aria-label": "Run",
    change: () => goTo("problems", ...(runs.value ? [runs.value] : [])),
  });
  const chosen = /^\d+$/.test(rest[0] ?? "") ? Number(rest[0]) : null;
  const downloads = h("div.actions");
  const body = h("div");
  const empty = h("div.empty");
  fill(
    root,
    h(
      "header.view-head.with-actions",
      null,
      h(
        "div",
        null,
        h("h1", { tabIndex: -1 }, "Problems"),
        h("p.lead", null, "Whatever could not be carried is named here, with a reason."),
      ),
      h("div.actions", null, runs, downloads),
    ),
    body,
  );

  /** @param {number[]} [ids] */
  const retry = async (ids) => {
    const done = await attempt(() => live.ask(() => retryItems(ids)));
    if (done) notify("They are being tried again. Progress shows how it goes.");
  };
  const reload = () =>
    load(
      body,
      () => readProblems(chosen, signal),
      ({ groups }) => {
        shown = sum(groups);
        const failures = groups.filter(({ kind }) => kind === "failure");
        const warnings = groups.filter(({ kind }) => kind === "warning");
        fill(
          body,
          groups.length === 0 && empty,
          section(
            "Failed",
            failures,
            chosen,
            retry,
            failures.some((group) => group.retryable) &&
              button("Retry all that failed", () => retry(), {
                look: "primary",
                icon: "retry",
                "data-retries": true,
              }),
          ),
          section("Warnings", warnings, chosen, retry),
        );
      },
    );
  /** How many are shown. */
  let shown = -1;
  // Whoever reads on in one of the lists, or is at one of its links, would lose the place.
  const isRead = () => scrollY > 0 || body.contains(document.activeElement);
  const renewal = new Renewal(reload, signal, isRead);
  const keep = (/** @type {number} */ known) =>
    renewal.keep(shown >= 0 && shown !== known, isRunning(live.status));
  /** Which run there was last may be told before or after its problems are. */
  const tellLast = (/** @type {number | null} */ last) => {
    offerRuns(runs, last ?? 0, chosen);
    const run = chosen ?? last;
    if (downloads.dataset.of === `${run}`) return;
    downloads.dataset.of = `${run}`;
    fill(downloads, run !== null && [download(run, "csv"), download(run, "json")]);
    nothing(empty, last !== null, chosen);
  };
  tellLast(null);
  renewal.now();

  let before = "";
  live.watch((status) => {
    tellLast(status.run?.id ?? null);
    const now = `${status.run?.id} ${status.run?.status}`;
    if (before && before !== now) renewal.now();
    before = now;
    if (chosen !== null && chosen === status.run?.id) {
      keep(status.counts.failed + status.warnings);
    }
    for (const one of root.querySelectorAll("[data-retries]")) {
      /** @type {HTMLButtonElement} */ (one).disabled = isRunning(status);
    }
  }, signal);
  facts.watch(({ failed, warnings }) => {
    if (chosen === null) keep(failed + warnings);
  }, signal);
}

/** @param {ProblemGroup[]} groups */
const sum = (groups) => groups.reduce((total, group) => total + group.count, 0);

/**
 * Offers the runs, newest first; the empty value means all of them.
 * @param {HTMLSelectElement} select
 * @param {number} last
 * @param {number | null} chosen
 */
function offerRuns(select, last, chosen) {
  select.hidden = last < 2 && chosen === null;
  if (select.options.length === last + 1) return;
  fill(
    select,
    h("option", { value: "" }, "All runs"),
    Array.from({ length: last }, (_, index) => last - index).map((run) =>
      h("option", { value: run }, run === last ? `Run ${run}, the last` : `Run ${run}`),
    ),
  );
  select.value = chosen === null ? "" : String(chosen);
}

/** @param {number} run @param {"json" | "csv"} format */
function download(run, format) {
  return h(
    "a.button",
    { href: reportAddress(run, format), download: "" },
    icon("download"),
    h("span", null, `Run ${run} as ${format.toUpperCase()}`),
  );
}

/**
 * @param {string} title
 * @param {ProblemGroup[]} groups
 * @param {number | null} run
 * @param {(ids?: number[]) => void} retry
 * @param {import("../dom.js").Child} [action]
 */
function section(title, groups, run, retry, action) {
  if (groups.length === 0) return null;
  return h(
    "section.problem-section",
    null,
    h(
      "div.section-head",
      null,
      h("h2", null, `${title} `, h("span.badge", null, count(sum(groups)))),
      action,
    ),
    groups.map((group) => card(group, run, retry)),
  );
}

/**
 * @param {ProblemGroup} group
 * @param {number | null} run
 * @param {(ids?: number[]) => void} retry
 */
function card(group, run, retry) {
  const { kind, code, title, advice, retryable, examples } = group;
  const list = h("ul.problem-list", null, examples.map(problem));
  const rest = group.count - examples.length;
  const more = h("div.more-line");
  if (rest > 0) showMore(more, list, group, run);
  const again =
    retryable &&
    button(
      group.count === 1 ? "Retry it" : "Retry these",
      async () => {
        await attempt(async () => retry(await itemIds(group, run)));
      },
      { icon: "retry", "data-retries": true },
    );
  return h(
    `article.panel.problem.${kind}`,
    null,
    h(
      "header.problem-head",
      null,
      h(
        "div.problem-mark",
        { "aria-hidden": "true" },
        icon(kind === "failure" ? "cross" : "problems"),
      ),
      h("div", null, h("h3", null, title), h("p.advice", null, advice)),
      h("div.problem-count", null, h("strong", null, count(group.count)), h("code", null, code)),
      again,
    ),
    list,
    more,
  );
}

/** @param {Problem} problem */
function problem({ path, item_id: item, source_id: row, detail, pending_id: waits, sha256 }) {
  const where = row === null ? "" : `row ${row}`;
  const model = waits !== null ? linkTo("waiting", String(waits)) : sha256 && linkTo("model", sha256);
  return h(
    "li",
    null,
    h(
      "p.problem-path",
      null,
      path.trim()
        ? [
            model ? h("a", { href: model }, pathText(path)) : pathText(path),
            " ",
            h("span.means", null, where),
          ]
        : item === null
          ? "The library as a whole"
          : where.replace("row", "Row") || "A model",
    ),
    detail && foreign(detail, "p.problem-detail"),
  );
}

/**
 * Offers the rest of a group, page by page.
 * @param {HTMLElement} place
 * @param {HTMLElement} list
 * @param {ProblemGroup} group
 * @param {number | null} run
 */
function showMore(place, list, { kind, code, count: whole }, run) {
  /** @type {any} */
  let after = null;
  const shown = h("span.means");
  const show = button("Show all", async () => {
    show.disabled = true;
    await attempt(async () => {
      const page = await readProblemItems(run, { kind, code, after, limit: PAGE });
      if (after === null) list.replaceChildren();
      list.append(...page.items.map(problem));
      after = page.next;
      const label = /** @type {Element} */ (show.querySelector("span"));
      say(label, `Show ${count(PAGE)} more`);
      if (after === null) place.remove();
      else say(shown, `${count(list.children.length)} of ${count(whole)}`);
    });
    show.disabled = false;
  });
  say(shown, `${count(list.children.length)} of ${count(whole)}`);
  fill(place, show, shown);
}

/** All items of a group. @param {ProblemGroup} group @param {number | null} run */
async function itemIds({ kind, code }, run) {
  /** @type {number[]} */
  const ids = [];
  for (let after = null; ;) {
    const page = await readProblemItems(run, { kind, code, after, limit: 1000 });
    for (const { item_id: id } of page.items) if (id !== null) ids.push(id);
    after = page.next;
    if (after === null) return ids;
  }
}

/** @param {Element} place @param {boolean} ran @param {number | null} run */
function nothing(place, ran, run) {
  fill(
    place,
    icon("check"),
    h("h2", null, ran ? "No problems" : "Nothing has run yet"),
    h(
      "p",
      null,
      ran
        ? `Every row and every image of ${run === null ? "all runs" : `run ${run}`} was carried.`
        : "After a migration, everything that could not be carried is listed here.",
    ),
    !ran && h("a.button.primary", { href: linkTo("start") }, "Start a migration"),
  );
}
