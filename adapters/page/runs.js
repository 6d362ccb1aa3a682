// @ts-check
/** What a run status means: its words, its share that is settled, and what can be done about it. */

import { count, some } from "./format.js";

/** @typedef {import("./api.js").RunStatus} RunStatus */
/** @typedef {import("./api.js").Run} Run */
/** @typedef {"promoted" | "images_done" | "imported" | "pending" | "failed"} State */

/** The five states, in the order of the bar: furthest first, then what stopped. */
export const STATES = /** @type {const} */ ([
  { state: "promoted", label: "Promoted", means: "active in the library" },
  { state: "images_done", label: "Images done", means: "previews are on disk" },
  { state: "imported", label: "Imported", means: "content is known" },
  { state: "pending", label: "Pending", means: "recorded, or waiting for you" },
  { state: "failed", label: "Failed", means: "stopped, with a reason" },
]);

/** @param {string} state */
export const stateLabel = (state) => STATES.find((known) => known.state === state)?.label ?? state;

/** @type {Record<string, {label: string, look: string}>} */
const RUN_STATES = {
  running: { label: "Running", look: "live" },
  interrupted: { label: "Interrupted", look: "paused" },
  cancelled: { label: "Stopped", look: "paused" },
  completed: { label: "Complete", look: "done" },
  completed_with_failures: { label: "Complete, with failures", look: "mixed" },
  failed: { label: "Failed", look: "broken" },
};

/** @param {Run} run */
export const runState = (run) => RUN_STATES[run.status] ?? { label: run.status, look: "paused" };

/** @param {Run} run */
export const runTitle = (run) =>
  run.kind === "promotion" ? "Promoting models" : "Moving your library";

/** @param {RunStatus | null} status */
export const isRunning = (status) => status?.run?.status === "running";

/** @param {RunStatus | null} status */
export const canResume = (status) => Boolean(status?.run?.resumable) && !isRunning(status);

/** @param {RunStatus | null} status */
export const isUnfinished = (status) => isRunning(status) || canResume(status);

/** How many items there will be: rows are still read while a run is young. @param {RunStatus} s */
export const wholeOf = (s) =>
  s.source_read ? s.counts.total : Math.max(s.counts.total, s.expected);

/** How many items need nothing more from the run. @param {RunStatus} s */
export const settledOf = (s) => s.counts.total - s.work;

/** From 0 to 100, and 100 only when nothing is left to do. @param {RunStatus} s */
export const percentOf = (s) => Math.floor(100 * s.share);

/** What a run works through: rows of the old library, or models of this one. @param {Run} run */
export const unitOf = (run) => (run.kind === "promotion" ? "model" : "row");

/** One sentence for a screen reader. @param {RunStatus} s */
export function inWords(s) {
  if (!s.run) return "Nothing was migrated yet.";
  const { label } = runState(s.run);
  return (
    `${label}: ${percentOf(s)} percent, ${count(settledOf(s))} of ` +
    `${some(wholeOf(s), unitOf(s.run))} done.`
  );
}
