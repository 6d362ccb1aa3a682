// @ts-check
/** What came of a run, and what the library holds now: numbers that lead to what they count. */

import { fill, h, say } from "./dom.js";
import { count, elapsed, some } from "./format.js";
import { icon } from "./icons.js";
import { linkTo } from "./router.js";
import { unitOf } from "./runs.js";
import { foreign } from "./text.js";

/** @typedef {import("./api.js").RunStatus} RunStatus */
/** @typedef {import("./api.js").LibraryFacts} LibraryFacts */
/** @typedef {import("./api.js").PromotionReport} PromotionReport */

/**
 * The result of a run that has ended.
 * @param {RunStatus} status
 * @param {PromotionReport | null} report what became of each, where it was a promotion
 */
export function result(status, report) {
  const { run, counts, warnings, images } = status;
  if (run === null) return null;
  const took = run.finished_at ? ` in ${elapsed(run.finished_at - run.started_at)}` : "";
  const unit = unitOf(run);
  // Ids that nobody has are no items: the report of a promotion knows more than its run.
  const failed = report ? report.failed.length : counts.failed;
  const [active, total] = report
    ? [report.success.length, report.total]
    : [counts.promoted, counts.total];
  const carried = images.done ? `, with ${some(images.done, "image")}` : "";
  const troubles = [failed && `${count(failed)} failed`, warnings && some(warnings, "warning")]
    .filter(Boolean)
    .join(", ");
  return h(
    `section.panel.summary.${failed ? "mixed" : "good"}`,
    { "aria-label": "Result" },
    h("div.summary-mark", { "aria-hidden": "true" }, icon(failed ? "problems" : "check")),
    h("h2", null, failed ? `Done${took}, and ${some(failed, unit)} failed` : `Done${took}`),
    h(
      "ul",
      null,
      line(
        count(active),
        `of ${some(total, unit)} ${active === 1 ? "is" : "are"} active in the library${carried}`,
        linkTo("library"),
        "Open the library",
      ),
      report ? undecided(report) : waiting(status),
      troubles &&
        (counts.failed || warnings
          ? line(troubles, "", linkTo("problems", String(run.id)), "See why")
          : h("li", null, h("strong", null, troubles), reasons(report))),
    ),
  );
}

/** Why ids failed that nobody has. @param {PromotionReport | null} report */
const reasons = (report) =>
  foreign(` ${(report?.failed ?? []).slice(0, 3).map(({ error }) => error).join(" ")}`, "span");

/** What of a source waits. @param {RunStatus} status */
function waiting({ counts }) {
  const number = counts.pending + counts.imported + counts.images_done;
  if (number === 0) return null;
  return line(count(number), "waiting for promotion", linkTo("pending"), "Look through them");
}

/** What of a promotion did not become active, and did not fail. @param {PromotionReport} report */
function undecided({ conflict, ignored, deleted }) {
  return [
    conflict.length > 0 &&
      line(
        count(conflict.length),
        "in conflict",
        linkTo("pending", "conflicts"),
        "Decide the conflicts",
      ),
    ignored.length > 0 &&
      line(count(ignored.length), "left waiting", linkTo("pending"), "Look through them"),
    deleted.length > 0 &&
      line(count(deleted.length), "removed from the queue", linkTo("pending"), "See what waits"),
  ];
}

/**
 * @param {string} figure
 * @param {string} words
 * @param {string} href
 * @param {string} label
 */
function line(figure, words, href, label) {
  return h(
    "li",
    null,
    h("span", null, h("strong", null, figure), words && ` ${words}`),
    h("a", { href }, label, icon("forward")),
  );
}

/** What the library holds, over all runs: the numbers of the rail, with their words. */
export class Holdings {
  constructor() {
    /** @type {Map<string, {figure: HTMLElement, words: HTMLElement}>} */
    this._parts = new Map();
    const list = h("ul.holdings");
    for (const view of ["library", "pending", "problems"]) {
      const part = { figure: h("strong"), words: h("span") };
      list.append(h("li", null, h("a", { href: linkTo(view) }, part.figure, part.words)));
      this._parts.set(view, part);
    }
    this._joined = h("p.means");
    this.element = h(
      "section.panel.live",
      { "aria-label": "The library now", hidden: true },
      h("h2", null, "The library now"),
      list,
      this._joined,
    );
  }

  /** @param {LibraryFacts} library */
  show({ models, pending, conflicts, failed, warnings }) {
    this.element.hidden = false;
    const conflict = conflicts ? `, ${count(conflicts)} in conflict` : "";
    this._tell("library", models, models === 1 ? "model in it" : "models in it");
    this._tell("pending", pending, `${pending === 1 ? "waits" : "wait"} for promotion${conflict}`);
    const kinds = `${count(failed)} failed, ${some(warnings, "warning")}, of all runs`;
    this._tell("problems", failed + warnings, failed + warnings ? kinds : "problems");
  }

  /**
   * Why rows and models are not the same number, where they are not.
   * @param {RunStatus} status
   * @param {LibraryFacts} library
   */
  explain({ run, counts }, { models }) {
    const joined = run?.kind === "legacy" && counts.promoted > models;
    fill(this._joined, joined && "Rows of the same content became one model.");
  }

  /** @param {string} view @param {number} figure @param {string} words */
  _tell(view, figure, words) {
    const part = this._parts.get(view);
    if (!part) return;
    say(part.figure, count(figure));
    say(part.words, words);
  }
}
