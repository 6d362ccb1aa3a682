// @ts-check
/** Pending: the models that wait and the conflicts among them, as two lists of one view. */

import { readConflicts, readPending, readPromotion } from "../api.js";
import { openPending } from "../details.js";
import { button, fill, h, say } from "../dom.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { attempt, notify, speak } from "../notices.js";
import { ended, inWords, isPromoting, promoteAll, together } from "../promotions.js";
import { Renewal } from "../renewal.js";
import { leave, linkTo } from "../router.js";
import { isRunning, percentOf } from "../runs.js";
import { scanButton } from "../scanning.js";
import { foreign } from "../text.js";
import { ConflictList } from "./conflicts.js";
import { WaitingList } from "./waiting.js";

/** @typedef {import("../api.js").PromotionReport} PromotionReport */
/** @typedef {import("../api.js").Strategy} Strategy */

/** @param {import("../router.js").Place} place */
export function pendingView({ root, signal, rest, live, facts, opened }) {
  new PendingPage(root, live, facts, signal, rest[0] === "conflicts").open();
  if (/^\d+$/.test(opened ?? "")) {
    openPending(Number(opened), "", () => leave("waiting", opened ?? "", "pending"));
  }
}

class PendingPage {
  /**
   * @param {HTMLElement} root
   * @param {import("../events.js").Live} live
   * @param {import("../facts.js").Facts} facts
   * @param {AbortSignal} signal
   * @param {boolean} conflicts whether these are shown
   */
  constructor(root, live, facts, signal, conflicts) {
    this._live = live;
    this._facts = facts;
    this._signal = signal;
    this._conflictsShown = conflicts;
    this._asking = false;
    this._awaiting = false;
    /** The last run that this page began itself, and has told of. */
    this._ours = 0;
    /** @type {import("../api.js").PendingSummary[]} */
    this._models = [];
    /** How many wait and how many of them conflict, by the lists that are shown. */
    this._shown = "";
    this._renewal = new Renewal(() => this._read(), signal);
    const act = (/** @type {[Strategy | null, number[]][]} */ wishes) => this._promote(wishes);
    this._list = conflicts
      ? new ConflictList(act, signal)
      : new WaitingList((ids, strategy) => act([[strategy, ids]]), signal);
    this._waiting = h("span.badge");
    this._disputed = h("span.badge");
    this._busy = h("div");
    this._result = h("div");
    const here = (/** @type {boolean} */ current) => (current ? "page" : null);
    fill(
      root,
      h(
        "header.view-head.with-actions",
        null,
        h(
          "div",
          null,
          h("h1", { tabIndex: -1 }, conflicts ? "Conflicts" : "Waiting for promotion"),
          h(
            "p.lead",
            null,
            conflicts
              ? "The library already has a model with the same content. What shall become of the two?"
              : "Promotion reads each file for its SHA-256, makes its previews and puts the model " +
                  "into the library.",
          ),
        ),
        !conflicts && h("div.actions", null, scanButton()),
      ),
      h(
        "nav.subtabs",
        { "aria-label": "Pending models" },
        h(
          "a",
          { href: linkTo("pending"), "aria-current": here(!conflicts) },
          "Waiting ",
          this._waiting,
        ),
        h(
          "a",
          { href: linkTo("pending", "conflicts"), "aria-current": here(conflicts) },
          "Conflicts ",
          this._disputed,
        ),
      ),
      this._busy,
      this._result,
      this._list.element,
    );
  }

  open() {
    this._renewal.now();
    let running = isRunning(this._live.status);
    const busy = () => this._showBusy();
    this._live.addEventListener("connection", busy, { signal: this._signal });
    this._live.watch((status) => {
      this._showBusy();
      const now = isRunning(status);
      if (running && !now && !this._asking) this._renewal.now();
      running = now;
      const another = isPromoting(this._live) && (status.run?.id ?? 0) > this._ours;
      if (another && !this._asking && !this._awaiting) this._awaitReport();
    }, this._signal);
    addEventListener("library-changed", () => this._asking || this._renewal.now(), {
      signal: this._signal,
    });
    this._facts.watch(({ pending, conflicts }) => {
      say(this._waiting, count(pending));
      say(this._disputed, count(conflicts));
      const stale = this._shown !== "" && this._shown !== `${pending} ${conflicts}`;
      this._renewal.keep(stale, this._asking || isRunning(this._live.status));
    }, this._signal);
  }

  async _read() {
    const signal = this._signal;
    await attempt(async () => {
      const [models, conflicts] = await Promise.all([readPending(signal), readConflicts(signal)]);
      this._models = models;
      this._shown = `${models.length} ${conflicts.length}`;
      if (this._list instanceof ConflictList) this._list.show(conflicts);
      else this._list.show(models);
      this._facts.refresh();
    });
  }

  /** A promotion that was begun before this page was opened, or on another one. */
  async _awaitReport() {
    this._awaiting = true;
    await attempt(async () => {
      await ended(this._live, this._signal);
      const report = await readPromotion();
      this._tell(report);
    });
    this._awaiting = false;
  }

  /** @param {[Strategy | null, number[]][]} wishes */
  async _promote(wishes) {
    this._asking = true;
    fill(this._result);
    this._list.rest(true);
    this._showBusy();
    /** @type {PromotionReport[]} */
    const reports = [];
    const before = this._live.status?.run?.id ?? 0;
    await attempt(async () => {
      for (const [strategy, ids] of wishes) {
        if (ids.length === 0) continue;
        reports.push(await promoteAll(ids, strategy, this._live, this._signal));
      }
    });
    this._asking = false;
    this._ours = before + reports.length;
    if (this._signal.aborted) {
      if (reports.length > 0) notify(inWords(together(reports)));
      return;
    }
    this._list.rest(false);
    if (reports.length > 0) this._tell(together(reports));
    this._showBusy();
    await this._renewal.now();
  }

  _showBusy() {
    const { status, connected } = this._live;
    const promoting = this._asking || isPromoting(this._live);
    if (!promoting || !connected) {
      fill(this._busy);
      return;
    }
    const known = isPromoting(this._live) && status ? percentOf(status) : 0;
    let meter = this._busy.querySelector("progress");
    if (!meter) {
      fill(
        this._busy,
        h(
          "div.banner.calm",
          null,
          icon("progress"),
          h(
            "p",
            null,
            h("strong", null, "Promoting…"),
            " You may leave this page; it goes on by itself.",
          ),
          h("progress", { max: 100, "aria-label": "Promotion" }),
          h("a.button", { href: linkTo("progress") }, "Watch"),
        ),
      );
      meter = /** @type {HTMLProgressElement} */ (this._busy.querySelector("progress"));
    }
    meter.value = known;
  }

  /** @param {PromotionReport} report */
  _tell(report) {
    const names = new Map(this._models.map(({ id, name }) => [id, name]));
    const { conflict, failed } = report;
    speak(inWords(report));
    const good = conflict.length === 0 && failed.length === 0;
    fill(
      this._result,
      h(
        `section.panel.result.${good ? "good" : "mixed"}`,
        { "aria-label": "What became of them" },
        h(
          "div.result-head",
          null,
          icon(good ? "check" : "info"),
          h("p", null, inWords(report)),
          conflict.length > 0 &&
            !this._conflictsShown &&
            h("a.button.primary", { href: linkTo("pending", "conflicts") }, "Decide the conflicts"),
          button("Dismiss", () => fill(this._result), { look: "quiet" }),
        ),
        failed.length > 0 &&
          h(
            "ul.failed-list",
            null,
            failed
              .slice(0, 20)
              .map(({ id, error }) =>
                h(
                  "li",
                  null,
                  h("strong", null, foreign(names.get(id) ?? `Model ${id}`)),
                  ": ",
                  foreign(error, "span"),
                ),
              ),
          ),
        failed.length > 20 && h("p", null, h("a", { href: linkTo("problems") }, "See all of them")),
      ),
    );
  }
}
