// @ts-check
/** Progress: where the run stands, how fast it goes, and the buttons that stop it or go on. */

import { cancelRun, resumeRun } from "../api.js";
import { button, fill, foreign, h, say } from "../dom.js";
import { bytes, count, dateTime, elapsed, rate, some, timeLeft } from "../format.js";
import { icon } from "../icons.js";
import { attempt, speakNowAndThen } from "../notices.js";
import { Throughput } from "../rates.js";
import { linkTo } from "../router.js";
import {
  STATES,
  canResume,
  inWords,
  isRunning,
  percentOf,
  runState,
  runTitle,
  settledOf,
  wholeOf,
} from "../runs.js";

/** @typedef {import("../api.js").RunStatus} RunStatus */

/** @param {import("../router.js").Place} place */
export function progressView({ root, signal, live }) {
  const page = new ProgressPage(live);
  fill(root, page.element);
  live.watch((status) => page.show(status), signal);
}

class ProgressPage {
  /** @param {import("../events.js").Live} live */
  constructor(live) {
    this._live = live;
    this._speed = new Throughput();
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
    this._percent = h("span.percent");
    this._settled = h("p.settled");
    this._left = h("p.left");
    this._bar = h("div.bar", {
      role: "progressbar",
      "aria-label": "Models that need nothing more",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    });
    this._total = h("output.total", { "aria-label": "Total" });
    /** @type {Map<string, {segment: HTMLElement, number: HTMLElement}>} */
    this._states = new Map();
    this._speeds = speeds();
    this._end = h("div");
    this._run = h("div.run", { hidden: true });
    this._nothing = nothing();
    this.element = h("div", null, this._head(), this._word, this._nothing, this._run);
    this._lay();
  }

  _head() {
    return h(
      "header.view-head.with-actions",
      null,
      h("div", null, h("div.title-line", null, this._title, this._state), this._origin),
      h("div.actions", null, this._cancel, this._resume),
    );
  }

  _lay() {
    const legend = h("dl.legend");
    for (const { state, label, means } of STATES) {
      const segment = h(`span.segment.${state}`, { "aria-hidden": "true" });
      const number = h("dd", { "data-state": state }, "0");
      this._bar.append(segment);
      legend.append(
        h(
          `div.legend-item.${state}`,
          null,
          h("dt", null, h("span.swatch", { "aria-hidden": "true" }), label),
          number,
          h("dd.means", null, means),
        ),
      );
      this._states.set(state, { segment, number });
    }
    legend.append(
      h(
        "div.legend-item.sum",
        null,
        h("dt", null, "Total"),
        h("dd", null, this._total),
        h("dd.means", null, "the sum of the five"),
      ),
    );
    fill(
      this._run,
      this._end,
      h(
        "section.panel",
        { "aria-label": "States" },
        h("div.headline", null, h("div", null, this._percent, this._settled), this._left),
        this._bar,
        legend,
      ),
      this._speeds.element,
    );
  }

  /** @param {RunStatus} status */
  show(status) {
    const { run } = status;
    this._nothing.hidden = run !== null;
    this._run.hidden = run === null;
    this._cancel.hidden = !isRunning(status);
    this._resume.hidden = !canResume(status);
    if (run === null) return;
    const { label, look } = runState(run);
    say(this._title, runTitle(run));
    this._state.className = `chip ${look}`;
    say(this._state, label);
    const origin = `Run ${run.id}, begun ${dateTime(run.started_at)}`;
    if (this._origin.dataset.of !== `${run.id}`) {
      this._origin.dataset.of = `${run.id}`;
      fill(
        this._origin,
        origin,
        run.source && " from ",
        run.source && h("bdi.path", { dir: "ltr" }, run.source),
      );
    }
    this._showBar(status);
    this._showSpeeds(status);
    this._showWord(status);
    this._showEnd(status);
    if (isRunning(status)) speakNowAndThen(inWords(status));
  }

  /** @param {RunStatus} status */
  _showBar(status) {
    const percent = percentOf(status);
    const whole = wholeOf(status);
    fill(this._percent, `${percent}`, h("small", null, "%"));
    say(this._settled, `${count(settledOf(status))} of ${some(whole, "model")} settled`);
    for (const [state, { segment, number }] of this._states) {
      const amount = status.counts[/** @type {import("../runs.js").State} */ (state)];
      segment.hidden = amount === 0;
      segment.style.setProperty("flex-grow", String(amount));
      say(number, count(amount));
    }
    this._bar.style.setProperty("--read", String(whole ? status.counts.total / whole : 0));
    this._bar.setAttribute("aria-valuenow", String(percent));
    this._bar.setAttribute("aria-valuetext", inWords(status));
    say(this._total, count(status.counts.total));
  }

  /** @param {RunStatus} status */
  _showSpeeds(status) {
    const rates = this._speed.add(status, performance.now());
    const running = isRunning(status);
    const eta = status.eta_seconds;
    say(this._left, !running ? "" : eta === null ? "Estimating the time left…" : timeLeft(eta));
    const { images, bytes_hashed: hashed } = status;
    const lost = images.failed ? `, ${count(images.failed)} could not be` : "";
    const ofAll = hashed.total ? ` of ${bytes(hashed.total)}` : "";
    if (!running) {
      this._speeds.tell("models", count(settledOf(status)), "", "settled");
      this._speeds.tell("images", count(images.done), "", `carried${lost}`);
      this._speeds.tell(
        "bytes",
        bytes(hashed.done),
        "",
        hashed.total ? `read${ofAll}` : "nothing had to be hashed",
      );
      return;
    }
    const figure = (/** @type {number | undefined} */ value) =>
      value === undefined ? "–" : rate(value);
    this._speeds.tell("models", figure(rates?.models), "/s", `${count(settledOf(status))} settled`);
    this._speeds.tell(
      "images",
      figure(rates?.images),
      "/s",
      `${count(images.done)} carried${lost}`,
    );
    this._speeds.tell(
      "bytes",
      figure(rates ? rates.bytes / 1e6 : undefined),
      "MB/s",
      hashed.total ? `${bytes(hashed.done)}${ofAll}` : "nothing to hash",
    );
  }

  /** What somebody has to know before anything else. @param {RunStatus} status */
  _showWord(status) {
    const { run } = status;
    const key = `${run?.id} ${run?.status}`;
    if (!run || this._word.dataset.of === key) return;
    this._word.dataset.of = key;
    if (run.status === "interrupted") {
      fill(
        this._word,
        banner(
          "calm",
          "pending",
          h("strong", null, "This run was interrupted."),
          " Everything that was done is kept. Resume goes on where it was.",
        ),
      );
    } else if (run.status === "cancelled") {
      fill(
        this._word,
        banner(
          "calm",
          "stop",
          h("strong", null, "You stopped this run."),
          " Everything that was done is kept. Resume goes on where it was.",
        ),
      );
    } else if (run.error) {
      fill(this._word, banner("error", "problems", foreign(run.error.message, "span")));
    } else fill(this._word);
  }

  /** @param {RunStatus} status */
  _showEnd(status) {
    const { run } = status;
    const ended = run?.status.startsWith("completed") ?? false;
    const key = ended ? JSON.stringify([run?.id, status.counts, status.warnings]) : "";
    if (this._end.dataset.of === key) return;
    this._end.dataset.of = key;
    if (ended) fill(this._end, summary(status));
    else fill(this._end);
  }

  async _stop() {
    this._cancel.disabled = true;
    await attempt(async () => this._live.take(await cancelRun()));
    this._cancel.disabled = false;
  }

  async _goOn() {
    const id = this._live.status?.run?.id;
    if (id === undefined) return;
    this._resume.disabled = true;
    await attempt(async () => this._live.take(await resumeRun(id)));
    this._resume.disabled = false;
  }
}

/** Three rates, which are sums when nothing moves; `tell` says what one of them is. */
function speeds() {
  /** @type {Map<string, {figure: HTMLElement, unit: HTMLElement, note: HTMLElement}>} */
  const told = new Map();
  const element = h("dl.speeds");
  for (const [name, label] of [
    ["models", "Models"],
    ["images", "Images"],
    ["bytes", "Hashing"],
  ]) {
    const figure = h("span", { "data-rate": name }, "–");
    const unit = h("small");
    const note = h("dd.means");
    element.append(
      h("div.speed", null, h("dt", null, label), h("dd", null, figure, " ", unit), note),
    );
    told.set(name, { figure, unit, note });
  }
  return {
    element,
    /** @param {string} name @param {string} value @param {string} unit @param {string} words */
    tell(name, value, unit, words) {
      const place = told.get(name);
      if (!place) return;
      say(place.figure, value);
      say(place.unit, unit);
      say(place.note, words);
    },
  };
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

/** @param {RunStatus} status */
function summary({ run, counts, warnings, images }) {
  const waiting = counts.pending + counts.imported + counts.images_done;
  const took = run?.finished_at ? ` in ${elapsed(run.finished_at - run.started_at)}` : "";
  const title =
    counts.failed === 0 ? `Done${took}` : `Done${took}, and ${some(counts.failed, "model")} failed`;
  const troubles = [
    counts.failed && `${count(counts.failed)} failed`,
    warnings && some(warnings, "problems"),
  ]
    .filter(Boolean)
    .join(", ");
  return h(
    `section.panel.summary.${counts.failed ? "mixed" : "good"}`,
    { "aria-label": "Result" },
    h("div.summary-mark", { "aria-hidden": "true" }, icon(counts.failed ? "problems" : "check")),
    h("h2", null, title),
    h(
      "ul",
      null,
      outcome(
        count(counts.promoted),
        `active in the library, with ${some(images.done, "image")} ` + "carried",
        "library",
        "Open the library",
      ),
      waiting > 0 &&
        outcome(count(waiting), "waiting for promotion", "pending", "Look through them"),
      troubles && outcome(troubles, "", "problems", "See why"),
    ),
  );
}

/** @param {string} figure @param {string} words @param {string} view @param {string} label */
function outcome(figure, words, view, label) {
  return h(
    "li",
    null,
    h("span", null, h("strong", null, figure), words && ` ${words}`),
    h("a", { href: linkTo(view) }, label, icon("forward")),
  );
}
