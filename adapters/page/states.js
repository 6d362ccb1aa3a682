// @ts-check
/** The five states of the items of a run, for whoever asks: a bar of all of them, and their sum. */

import { h, say } from "./dom.js";
import { count } from "./format.js";
import { STATES, wholeOf } from "./runs.js";

/** @typedef {import("./api.js").RunStatus} RunStatus */

export class States {
  constructor() {
    this._bar = h("div.bar", { "aria-hidden": "true" });
    this._total = h("output.total", { "aria-label": "Total" });
    /** @type {Map<string, {segment: HTMLElement, number: HTMLElement}>} */
    this._states = new Map();
    const legend = h("dl.legend");
    for (const { state, label, means } of STATES) {
      const segment = h(`span.segment.${state}`);
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
    this.element = h(
      "details.panel.states.live",
      null,
      h("summary", null, h("h2", null, "The five states")),
      h(
        "p.means",
        null,
        "Each row of the old library and each model of a promotion is one item, in exactly one " +
          "state. A state claims only what is on disk.",
      ),
      this._bar,
      legend,
    );
  }

  /** @param {RunStatus} status */
  show(status) {
    const whole = wholeOf(status);
    for (const [state, { segment, number }] of this._states) {
      const amount = status.counts[/** @type {import("./runs.js").State} */ (state)];
      segment.hidden = amount === 0;
      segment.style.setProperty("flex-grow", String(amount));
      say(number, count(amount));
    }
    this._bar.style.setProperty("--read", String(whole ? status.counts.total / whole : 0));
    say(this._total, count(status.counts.total));
  }
}
