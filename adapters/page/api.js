// @ts-check
/**
 * The routes of the server, one function each; the shapes of their answers; and the one error that
 * all of them throw, which carries the server's own sentence.
 */

/**
 * @typedef {{total: number, pending: number, imported: number, images_done: number,
 *   promoted: number, failed: number}} Counts
 * @typedef {{id: number, kind: "legacy" | "promotion", status: string, resumable: boolean,
 *   started_at: number, updated_at: number, finished_at: number | null,
 *   error: {code: string, message: string} | null, source: string}} Run
 * @typedef {{run: Run | null, counts: Counts, warnings: number,
 *   images: {done: number, failed: number, total: number},
 *   bytes_hashed: {done: number, total: number}, eta_seconds: number | null, expected: number,
 *   work: number, source_damaged: boolean, source_read: boolean, share: number,
 *   waiting_for_database: boolean}} RunStatus
 * @typedef {{id: number, name: string}} Tag
 * @typedef {{id: number, name: string, image: string, type: string, tags: Tag[], path: string,
 *   size_bytes: number, created_at: number, images_count: number,
 *   error: {code: string, message: string} | null, conflict: boolean}} PendingSummary
 * @typedef {{positive: string, negative: string}} Prompts
 * @typedef {{id: number, path: string, sha256: string, name: string, type: string,
 *   size_bytes: number, created_at: number, tags: Tag[], meta_json: {description: string,
 *   community_links: string, images: string[], prompts: Prompts}}} PendingModel
 * @typedef {{sha256: string, path: string, name: string, type: string, size_bytes: number,
 *   created_at: number, tags: Tag[], meta_json: {description: string, community_links: string,
 *   images_count: number, prompts: Prompts}}} Model
 * @typedef {{sha256: string, name: string, images_count: number, type: string, path: string,
 *   size_bytes: number, created_at: number, tags: Tag[]}} ModelSummary
 * @typedef {{pending: {id: number, path: string}, existing: {id: string, path: string}}} Conflict
 * @typedef {{total: number, success: number[], conflict: Conflict[], ignored: number[],
 *   deleted: number[], failed: {id: any, error: string, code: string}[]}} PromotionReport
 * @typedef {{id: number, item_id: number | null, source_id: number | null, path: string,
 *   detail: string, pending_id: number | null, sha256: string}} Problem
 * @typedef {{kind: "failure" | "warning", code: string, title: string, advice: string,
 *   count: number, retryable: boolean, examples: Problem[]}} ProblemGroup
 * @typedef {{run_id: number, item_id: number, source_id: number | null, path: string,
 *   from_state: string | null, to_state: string, at: number}} Step
 * @typedef {{path: string, models: number, pending: number, conflicts: number, failed: number,
 *   warnings: number, types: {type: string, models: number}[], version: string,
 *   folders: {type: string, folder: string}[]}} LibraryFacts
 * @typedef {{search?: string, type?: string | null, tag?: string | null, pictures?: string | null,
 *   files?: string | null, order?: string, offset?: number, limit?: number}} ModelQuery
 * @typedef {{models: number, pending: number, unknown: (string | number)[], busy: number[]}} TagReport
 * @typedef {{id: number, name: string, models: number, pending: number}} TagCount
 * @typedef {{name?: string, type?: string, path?: string, tags?: number[], meta_json?: {
 *   description?: string, community_links?: string, prompts?: Partial<Prompts>}}} ModelPatch
 * @typedef {{scanned: number, added: number, pending_ids: number[], skipped: number,
 *   moved: {sha256: string, path: string, found: string}[]}} ScanReport
 * @typedef {{database: {path: string, found: boolean, readable: boolean | null,
 *   rows: number | null, hashed: number, unhashed: number, images: number, complete: boolean,
 *   error: {code: string, message: string} | null},
 *   images: {path: string, found: boolean, readable: boolean, missing: number | null},
 *   space: {needed_bytes: number, free_bytes: number, enough: boolean}, can_start: boolean}} Check
 * @typedef {{path: string, run: string | null}} DatabaseNearby
 * @typedef {"merge" | "override" | "ignore" | "delete"} Strategy
 */

/** An answer that is a refusal, or no answer at all (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {string} sentence
   * @param {string} code
   * @param {number} status
   */
  constructor(sentence, code, status) {
    super(sentence);
    this.code = code;
    this.status = status;
  }
}

/** Whether something ended because nobody wants it any more. @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError("The server does not answer. It may have been stopped.", "no_answer", 0);
  }
  const body = await answer.json().catch((error) => {
    if (isAbort(error)) throw error;
    return null;
  });
  if (answer.ok) return body;
  const sentence = body?.error ?? `The server answered ${answer.status} without saying why.`;
  throw new ApiError(sentence, body?.code ?? "no_reason", answer.status);
}

/**
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} values
 */
export function address(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * @param {string} path
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 */
function post(path, body, signal) {
  if (body === undefined) return call(path, { method: "POST", signal });
  return send("POST", path, body, signal);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
function send(method, path, body, signal) {
  return call(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

/** @typedef {{legacy_db_path: string, legacy_images_dir?: string, on_conflict?: string}} Source */

/** @param {Source} source @param {AbortSignal} signal @returns {Promise<Check>} */
export const checkSource = (source, signal) => post("/api/migration/check", source, signal);

/**
 * Legacy databases in a folder, or else in the usual places.
 * @param {string | undefined} folder
 * @param {AbortSignal} signal
 * @returns {Promise<DatabaseNearby[]>}
 */
export const readDatabases = async (folder, signal) =>
  (await call(address("/api/migration/databases", { folder }), { signal })).databases;

/** @param {Source} source @returns {Promise<RunStatus>} */
export const startRun = (source) => post("/api/migration/start", source);

/** @returns {Promise<RunStatus>} */
export const readStatus = () => call("/api/migration/status");

/** @param {number} id @returns {Promise<RunStatus>} */
export const resumeRun = (id) => post("/api/migration/resume", { run_id: id });

/** @returns {Promise<RunStatus>} */
export const cancelRun = () => post("/api/migration/cancel");

/**
 * All failed items where no ids are given.
 * @param {number[]} [ids]
 * @returns {Promise<RunStatus>}
 */
export const retryItems = (ids) => post("/api/migration/retry", ids && { ids });

/** @param {number[]} ids @param {Strategy | null} strategy @returns {Promise<PromotionReport>} */
export const promote = (ids, strategy) =>
  post("/api/migration/import_models", { id: ids, conflict_strategy: strategy });

/** @param {AbortSignal} [signal] @returns {Promise<PendingSummary[]>} */
export const readPending = async (signal) =>
  (await call("/api/migration/pending_models", { signal })).models;

/** @param {number} id @param {AbortSignal} [signal] @returns {Promise<PendingModel>} */
export const readPendingModel = (id, signal) =>
  call(address("/api/migration/pending_model", { id }), { signal });

/** All conflicts, page by page. @param {AbortSignal} [signal] @returns {Promise<Conflict[]>} */
export async function readConflicts(signal) {
  const found = [];
  for (let after = null; ;) {
    const page = await call(address("/api/migration/conflicts", { after, limit: 1000 }), {
      signal,
    });
    found.push(...page.conflicts);
    after = page.next ?? null;
    if (after === null) return found;
  }
}

/**
 * The report of a promotion, of the last one by default.
 * @param {number} [run_id]
 * @returns {Promise<PromotionReport>}
 */
export const readPromotion = (run_id) => call(address("/api/migration/promotion", { run_id }));

/**
 * The problems of a run, or of all runs.
 * @param {number | null} run
 * @param {AbortSignal} [signal]
 * @returns {Promise<{run_id: number | null, groups: ProblemGroup[]}>}
 */
export const readProblems = (run, signal) =>
  run === null
    ? call("/api/library/problems", { signal })
    : call(address("/api/migration/problems", { run_id: run }), { signal });

/**
 * One page of a group's items.
 * @param {number | null} run
 * @param {{kind: string, code: string, after?: any, limit?: number}} which
 * @returns {Promise<{items: Problem[], next: any}>}
 */
export const readProblemItems = (run, which) =>
  run === null
    ? call(address("/api/library/problems/items", which))
    : call(address("/api/migration/problems/items", { run_id: run, ...which }));

/** @param {number} run_id @param {"json" | "csv"} format */
export const reportAddress = (run_id, format) =>
  address("/api/migration/report", { run_id, format });

/** @param {AbortSignal} [signal] @returns {Promise<LibraryFacts>} */
export const readLibrary = (signal) => call("/api/library", { signal });

/**
 * @param {ModelQuery} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{models: ModelSummary[], total: number, next: number | null}>}
 */
export const readModelPage = (query, signal) =>
  call(address("/api/library/models", query), { signal });

/** @param {AbortSignal} [signal] @returns {Promise<TagCount[]>} */
export const readTags = async (signal) => (await call("/api/library/tags", { signal })).tags;

/**
 * @param {{sha256: string[], pending: number[], add: string[], remove: string[]}} change
 * @returns {Promise<TagReport>}
 */
export const changeTags = (change) => post("/api/library/tags", change);

/** Tags of these names, made where they are not there. @param {string[]} newtags */
export const addTags = async (newtags) =>
  /** @type {Tag[]} */ ((await post("/api/tags_add", { newtags })).tags);

/** @param {string} sha256 @param {ModelPatch} patch @returns {Promise<Model>} */
export const editModel = (sha256, patch) =>
  send("PATCH", `/api/models/${encodeURIComponent(sha256)}`, patch);

/** @param {number} id @param {ModelPatch} patch @returns {Promise<PendingModel>} */
export const editPending = (id, patch) =>
  send("PATCH", address("/api/migration/pending_model", { id }), patch);

/** @param {string} sha256 @param {File} image */
export function uploadImage(sha256, image) {
  const form = new FormData();
  form.append("sha256", sha256);
  form.append("image", image);
  return call("/api/images/upload", { method: "POST", body: form });
}

/** @param {string} sha256 @param {number} seq */
export const deleteImage = (sha256, seq) =>
  call(address("/api/images/delete", { sha256, seq }), { method: "DELETE" });

/** Looks for new model files. @returns {Promise<ScanReport>} */
export const scanFolders = () => call("/api/scan");

/** The types that models may be of. @returns {Promise<string[]>} */
export const readTypes = async () => (await call("/api/models/get_types")).types;

/** @param {string} sha256 @param {AbortSignal} [signal] @returns {Promise<Model>} */
export const readModel = (sha256, signal) =>
  call(`/api/models/${encodeURIComponent(sha256)}`, { signal });

/** @param {string} sha256 @param {AbortSignal} [signal] @returns {Promise<Step[]>} */
export const readHistory = async (sha256, signal) =>
  (await call(`/api/models/${encodeURIComponent(sha256)}/history`, { signal })).history;

/** The original image of a pending model. @param {string | number} name */
export const pendingImage = (name) => `/api/images/pending/${encodeURIComponent(name)}`;

/** @param {string} sha256 @param {number} seq @param {"low" | "medium" | "high"} quality */
export const previewAddress = (sha256, seq, quality) =>
  address(`/api/images/${sha256}_${seq}`, { quality, v: changes.get(sha256) });

/**
 * How often the pictures of a model changed while this page is open: their addresses stay, and a
 * document shows again what it has seen at one.
 * @type {Map<string, number>}
 */
const changes = new Map();

/** @param {string} sha256 */
export const notePicturesChanged = (sha256) => changes.set(sha256, (changes.get(sha256) ?? 0) + 1);
