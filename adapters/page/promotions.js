// @ts-check
/** Promoting models: one report for each press of a button, even when the connection is lost. */

import { ApiError, promote, readPromotion } from "./api.js";
import { count, some } from "./format.js";
import { isRunning, isUnfinished } from "./runs.js";

/** @typedef {import("./api.js").PromotionReport} PromotionReport */
/** @typedef {import("./api.js").Strategy} Strategy */
/** @typedef {import("./events.js").Live} Live */

/** How many models the server takes in one request. */
const MOST = 10_000;

/**
 * Promotes models, as many requests as that takes.
 * @param {number[]} ids
 * @param {Strategy | null} strategy
 * @param {Live} live
 * @param {AbortSignal} signal
 * @returns {Promise<PromotionReport>}
 */
export async function promoteAll(ids, strategy, live, signal) {
  const reports = [];
  for (let first = 0; first < ids.length; first += MOST) {
    const some = ids.slice(first, first + MOST);
    reports.push(await promoteSome(some, strategy, live, signal));
  }
  return together(reports);
}

/**
 * Promotes models. When the answer is lost on its way, the run goes on without it: the report is
 * then asked for at its end.
 * @param {number[]} ids
 * @param {Strategy | null} strategy
 * @param {Live} live
 * @param {AbortSignal} signal
 * @returns {Promise<PromotionReport>}
 */
async function promoteSome(ids, strategy, live, signal) {
  try {
    return await promote(ids, strategy);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) throw error;
    await ended(live, signal);
    return readPromotion();
  }
}

/** What replacing does to so many records, for whoever is asked before. @param {number} number */
export const replacing = (number) =>
  number === 1
    ? "1 record of the library is replaced: name, type, path, notes and prompts become those of " +
      "the waiting model. Tags and pictures of both are kept."
    : `${count(number)} records of the library are replaced: names, types, paths, notes and ` +
      "prompts become those of the waiting models. Tags and pictures of both are kept.";

/** What removing so many does. @param {number} number */
export const removing = (number) =>
  number === 1
    ? "1 waiting model leaves the queue, with its name, notes and pictures."
    : `${count(number)} waiting models leave the queue, with their names, notes and pictures.`;

/** Whether models are being promoted. @param {Live} live */
export const isPromoting = (live) =>
  isRunning(live.status) && live.status?.run?.kind === "promotion";

/**
 * Waits for the first status after which nothing is left to do.
 * @param {Live} live
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function ended(live, signal) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    live.addEventListener(
      "status",
      () => {
        if (isUnfinished(live.status)) return;
        over.abort();
        resolve();
      },
      { signal: over.signal },
    );
    signal.addEventListener(
      "abort",
      () => {
        over.abort();
        reject(new DOMException("Another view is shown.", "AbortError"));
      },
      { signal: over.signal },
    );
  });
}

/**
 * Several reports as one.
 * @param {PromotionReport[]} reports
 * @returns {PromotionReport}
 */
export const together = (reports) => ({
  total: reports.reduce((sum, report) => sum + report.total, 0),
  success: reports.flatMap((report) => report.success),
  conflict: reports.flatMap((report) => report.conflict),
  ignored: reports.flatMap((report) => report.ignored),
  deleted: reports.flatMap((report) => report.deleted),
  failed: reports.flatMap((report) => report.failed),
});

/** What became of them, in a sentence. @param {PromotionReport} report */
export function inWords({ success, conflict, ignored, deleted, failed }) {
  const parts = [
    success.length > 0 && `${some(success.length, "model")} promoted`,
    conflict.length > 0 && `${count(conflict.length)} in conflict`,
    ignored.length > 0 && `${count(ignored.length)} left waiting`,
    deleted.length > 0 && `${count(deleted.length)} removed from the queue`,
    failed.length > 0 && `${count(failed.length)} failed`,
  ].filter(Boolean);
  return parts.length > 0 ? `${parts.join(", ")}.` : "There was nothing to do.";
}
