// @ts-check
/** The stages of a run, in the words of whoever waits for it: a bar for each, and one for them all. */

import { fill, h, say } from "./dom.js";
import { bytes, count, rate, some } from "./format.js";
import { inWords, isRunning, percentOf, settledOf, wholeOf } from "./runs.js";

/** @typedef {import("./api.js").RunStatus} RunStatus */
/** @typedef {import("./rates.js").Rates} Rates */
/**
 * @typedef {{label: string, share: number | null, words: string, pace: number | undefined,
 *   unit: string}} Stage
 * How far one stage is: `share` from 0 to 1, null where it has nothing to do; `pace` a second.
 */

/** @param {RunStatus} status @param {Rates | null} rates @returns {Record<string, Stage>} */
function stagesOf(status, rates) {
  const { images, bytes_hashed: hashed } = status;
  const ended = images.done + images.failed;
  const lost = images.failed ? `, ${count(images.failed)} could not be` : "";
  const soFar = status.source_read ? "" : " so far";
  return {
    items: status.run?.kind === "promotion" ? modelStage(status, rates) : rowStage(status, rates),
    bytes: {
      label: "Hashing",
      share: hashed.total ? hashed.done / hashed.total : null,
      words: hashed.total
        ? `${bytes(hashed.done)} of ${bytes(hashed.total)} read`
        : "no file has to be read",
      pace: rates ? rates.bytes / 1e6 : undefined,
      unit: "MB/s",
    },
    images: {
      label: "Previews",
      share: images.total ? ended / images.total : null,
      words: images.total
        ? `${count(images.done)} of ${some(images.total, "image")}${soFar} carried${lost}`
        : `no images${soFar}`,
      pace: rates?.images,
      unit: "/s",
    },
  };
}

/** @param {RunStatus} status @param {Rates | null} rates @returns {Stage} */
function rowStage(status, rates) {
  const { total } = status.counts;
  const rest = Math.max(status.expected - total, 0);
  const restWords = status.source_damaged ? "could not be read" : "as they were before";
  return {
    label: "Rows",
    share: status.source_read ? 1 : status.expected ? total / wholeOf(status) : 0,
    words: status.source_read
      ? `${some(total, "row")} read${rest ? `, ${count(rest)} ${restWords}` : ""}`
      : status.expected
        ? `${count(total)} of ${some(wholeOf(status), "row")} read`
        : "the old library is being opened",
    pace: rates?.rows,
    unit: "/s",
  };
}

/** @param {RunStatus} status @param {Rates | null} rates @returns {Stage} */
function modelStage(status, rates) {
  const whole = wholeOf(status);
  return {
    label: "Models",
    share: whole ? settledOf(status) / whole : 1,
    words: `${count(settledOf(status))} of ${some(whole, "model")} done`,
    pace: rates?.models,
    unit: "/s",
  };
}

export class Stages {
  constructor() {
    this._percent = h("span.percent");
    this._left = h("p.left");
    this._whole = meter("All of it", "whole");
    /** @type {Map<string, {bar: HTMLElement, label: HTMLElement, words: HTMLElement,
     *   pace: HTMLElement}>} */
    this._stages = new Map();
    const list = h("ul.stages");
    for (const name of ["items", "bytes", "images"]) {
      const part = {
        bar: meter("", "part"),
        label: h("h2"),
        words: h("p.means"),
        pace: h("p.pace", { "data-rate": name }),
      };
      this._stages.set(name, part);
      list.append(h("li.stage-row", null, part.label, part.bar, part.words, part.pace));
    }
    this.element = h(
      "section.panel.live",
      { "aria-label": "How far it is" },
      h("div.headline", null, this._percent, this._left),
      this._whole,
      list,
    );
  }

  /** @param {RunStatus} status @param {Rates | null} rates @param {string} left */
  show(status, rates, left) {
    const percent = percentOf(status);
    fill(this._percent, `${percent}`, h("small", null, "%"));
    say(this._left, left);
    setMeter(this._whole, status.share, inWords(status));
    const running = isRunning(status);
    for (const [name, stage] of Object.entries(stagesOf(status, rates))) {
      const part = this._stages.get(name);
      if (!part) continue;
      say(part.label, stage.label);
      say(part.words, stage.words);
      part.bar.setAttribute("aria-label", stage.label);
      part.bar.classList.toggle("idle", stage.share === null);
      setMeter(part.bar, stage.share ?? 0, stage.words);
      const moves = running && stage.share !== null && stage.share < 1;
      const { pace } = stage;
      say(part.pace, !moves ? "" : pace === undefined ? "–" : `${rate(pace)} ${stage.unit}`);
    }
  }
}

/** @param {string} label @param {string} look */
function meter(label, look) {
  return h(
    `div.meter.${look}`,
    { role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    h("span"),
  );
}

/** @param {HTMLElement} bar @param {number} share @param {string} words */
function setMeter(bar, share, words) {
  bar.style.setProperty("--done", `${Math.min(100, 100 * share)}%`);
  bar.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
  bar.setAttribute("aria-valuetext", words);
}
