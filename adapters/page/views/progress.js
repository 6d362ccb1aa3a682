// @ts-check
/** Progress: how far the run is, how fast it goes, and the buttons that stop it or go on. */

import { cancelRun, readPromotion, resumeRun } from "../api.js";
import { button, fill, h, say } from "../dom.js";
import { dateTime, time, timeLeft } from "../format.js";
import { icon } from "../icons.js";
import { attempt, speakNowAndThen } from "../notices.js";
import { Holdings, result } from "../outcome.js";
import { Throughput } from "../rates.js";
import { linkTo } from "../router.js";
import { canResume, inWords, isRunning, runState, runTitle } from "../runs.js";
import { Stages } from "../stages.js";
import { States } from "../states.js";
import { foreign, pathText } from "../text.js";

/** @typedef {import("../api.js").RunStatus} RunStatus */

/** @param {import("../router.js").Place} place */
export function progressView({ root, signal, live, facts }) {
  const page = new ProgressPage(live, facts);
  fill(root, page.element);
  live.watch((status) => page.show(status), signal);
  live.addEventListener("connection", () => page.showConnection(), { signal });
  facts.watch(() => page.showHoldings(), signal);
}

class ProgressPage {
  /** @param {import("../events.js").Live} live @param {import("../facts.js").Facts} facts */
  constructor(live, facts) {
    this._live = live;
    this._facts = facts;
    this._speed = new Throughput();
    /** The run that was asked to stop. @type {number | null} */
    this._stopping = null;
    this._title = h("h1", { tabIndex: -1 }, "Progress");
    this._state = h("span.chip");
    this._origin = h("p.origin");
    this._cancel = button("Cancel", () => this._stop(), { icon: "stop", hidden: true });
    this._resume = button("Resume", () => this._goOn(), {
      look: "primary",
      icon: "play",
      hidden: true,
    });
    this._word = h("div");
    this._end = h("div");
    this._stages = new Stages();
    this._states = new States();
    this._holdings = new Holdings();
    this._run = h(
      "div.run",
      { hidden: true },
      this._end,
      this._stages.element,
      this._holdings.element,
      this._states.element,
    );
    this._nothing = nothing();
    this.element = h("div", null, this._head(), this._word, this._nothing, this._run);
  }

  _head() {
    return h(
      "header.view-head.with-actions",
      null,
      h("div", null, h("div.title-line", null, this._title, this._state), this._origin),
      h("div.actions", null, this._cancel, this._resume),
    );
  }

  /** @param {RunStatus} status */
  show(status) {
    const { run } = status;
    this._nothing.hidden = run !== null;
    this._run.hidden = run === null;
    this.showActions();
    if (run === null) return;
    say(this._title, runTitle(run));
    this._showState(status);
    if (this._origin.dataset.of !== `${run.id}`) {
      this._origin.dataset.of = `${run.id}`;
      fill(
        this._origin,
        `Run ${run.id}, begun ${dateTime(run.started_at)}`,
        run.source && " from ",
        run.source && pathText(run.source.location),
      );
    }
    const running = isRunning(status);
    this._stages.show(status, this._speed.add(status, performance.now()), this._left(status));
    this._states.show(status);
    this.showHoldings();
    this._showWord(status);
    this._showEnd(status);
    if (running) speakNowAndThen(inWords(status));
  }

  /** What is known without a server is what was, and nothing moves. */
  showConnection() {
    this.showActions();
    const { status } = this._live;
    if (!status?.run) return;
    this._showState(status);
    this._stages.show(status, null, this._left(status));
  }

  /** @param {RunStatus} status */
  _left(status) {
    if (!isRunning(status)) return "";
    if (!this._live.connected) return this._live.seen ? `As of ${time(this._live.seen)}` : "";
    const eta = status.eta_seconds;
    return eta === null ? "Estimating the time left…" : timeLeft(eta);
  }

  /** Which buttons there are: none that nobody would hear of. */
  showActions() {
    const { status, connected } = this._live;
    const running = isRunning(status);
    if (!running || status?.run?.id !== this._stopping) this._stopping = null;
    this._cancel.hidden = !running || !connected;
    this._cancel.disabled = this._stopping !== null;
    const label = /** @type {Element} */ (this._cancel.querySelector("span"));
    say(label, this._stopping === null ? "Cancel" : "Stopping…");
    this._resume.hidden = !canResume(status) || !connected;
    this._resume.disabled = false;
  }

  showHoldings() {
    const { library } = this._facts;
    const { status } = this._live;
    if (!library || !status) return;
    this._holdings.show(library);
    this._holdings.explain(status, library);
  }

  /** @param {RunStatus} status */
  _showState({ run }) {
    if (run === null) return;
    const { label, look } = this._stopping ? { label: "Stopping", look: "paused" } : runState(run);
    const gone = !this._live.connected && run.status === "running";
    this._state.className = `chip ${gone ? "gone" : look}`;
    say(this._state, gone ? `Was ${label.toLowerCase()}` : label);
  }

  /** What somebody has to know before anything else. @param {RunStatus} status */
  _showWord(status) {
    const { run, waiting_for_database: waits } = status;
    const key = `${run?.id} ${run?.status} ${waits}`;
    if (!run || this._word.dataset.of === key) return;
    this._word.dataset.of = key;
    const kept = " Everything that was done is kept. Resume goes on where it was.";
    const bold = (/** @type {string} */ words) => h("strong", null, words);
    if (isRunning(status) && waits) {
      const goesOn = " Another program has locked it. The run goes on by itself when it can.";
      fill(this._word, banner("calm", "pending", bold("Waiting for the database."), goesOn));
    } else if (run.status === "interrupted") {
      fill(this._word, banner("calm", "pending", bold("This run was interrupted."), kept));
    } else if (run.status === "cancelled") {
      fill(this._word, banner("calm", "stop", bold("You stopped this run."), kept));
    } else if (run.error) {
      fill(this._word, banner("error", "problems", foreign(run.error.message, "span")));
    } else fill(this._word);
  }

  /** @param {RunStatus} status */
  async _showEnd(status) {
    const { run } = status;
    const ended = run?.status.startsWith("completed") ?? false;
    const key = ended ? JSON.stringify([run?.id, status.counts, status.warnings]) : "";
    if (this._end.dataset.of === key) return;
    this._end.dataset.of = key;
    const promoted = ended && run?.kind === "promotion";
    const report = promoted ? await readPromotion(run.id).catch(() => null) : null;
    if (this._end.dataset.of === key) fill(this._end, ended && result(status, report));
  }

  /** The button says that it stops until it has, and is there again where it was not heard. */
  async _stop() {
    this._stopping = this._live.status?.run?.id ?? null;
    this._showStopping();
    const heard = await attempt(() => this._live.ask(cancelRun));
    if (!heard) this._stopping = null;
    this._showStopping();
  }

  _showStopping() {
    this.showActions();
    if (this._live.status) this._showState(this._live.status);
  }

  async _goOn() {
    const id = this._live.status?.run?.id;
    if (id === undefined) return;
    this._resume.disabled = true;
    await attempt(() => this._live.ask(() => resumeRun(id)));
    this.showActions();
  }
}

/**
 * @param {"calm" | "error"} look
 * @param {string} picture
 * @param {...import("../dom.js").Child} words
 */
function banner(look, picture, ...words) {
  return h(
    `div.banner.${look}`,
    { role: look === "error" ? "alert" : null },
    icon(picture),
    h("p", null, ...words),
  );
}

function nothing() {
  return h(
    "div.empty",
    { hidden: true },
    icon("shelf"),
    h("h2", null, "Nothing has run yet"),
    h("p", null, "Tell reshelve where the old library lies, and watch it move here."),
    h("a.button.primary", { href: linkTo("start") }, "Start a migration"),
  );
}
