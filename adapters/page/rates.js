// @ts-check
/** How fast a run goes, from the statuses of its last seconds. */

/** @typedef {import("./api.js").RunStatus} RunStatus */
/** @typedef {{rows: number, models: number, images: number, bytes: number}} Rates per second */
/** @typedef {Rates & {at: number}} Mark */

const SPAN = 8000;

/** Statuses closer together than this say more about chance than about speed. */
const SHORTEST = 700;

/** The rates of one run over the last seconds. */
export class Throughput {
  constructor() {
    /** @type {Mark[]} */
    this._marks = [];
    /** @type {number | null} */
    this._run = null;
  }

  /**
   * Takes a status into account.
   * @param {RunStatus} status
   * @param {number} now milliseconds
   * @returns {Rates | null} null while nothing is known yet
   */
  add(status, now) {
    const running = status.run?.status === "running" ? status.run.id : null;
    const mark = {
      at: now,
      rows: status.counts.total,
      models: status.counts.total - status.work,
      images: status.images.done + status.images.failed,
      bytes: status.bytes_hashed.done,
    };
    const last = this._marks.at(-1);
    const goesBack = last !== undefined && (mark.models < last.models || mark.bytes < last.bytes);
    if (running !== this._run || goesBack) this._marks = [];
    this._run = running;
    if (running === null) return null;
    this._marks.push(mark);
    while (this._marks.length > 2 && now - this._marks[1].at > SPAN) this._marks.shift();
    const first = this._marks[0];
    const seconds = (now - first.at) / 1000;
    if (seconds * 1000 < SHORTEST) return null;
    return {
      rows: (mark.rows - first.rows) / seconds,
      models: (mark.models - first.models) / seconds,
      images: (mark.images - first.images) / seconds,
      bytes: (mark.bytes - first.bytes) / seconds,
    };
  }
}
