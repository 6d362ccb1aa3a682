// @ts-check
/**
 * How much the library holds and what waits in it: one set of numbers for the whole page, read again
 * whenever a run or a person may have changed it.
 */

import { readLibrary } from "./api.js";

/** @typedef {import("./api.js").LibraryFacts} LibraryFacts */

/** How long after an answer it is asked for the next one, at the least. */
const PAUSE = 300;

/** A large library takes longer to count: most of the time, nothing is asked. */
const TIMES_ITS_COST = 20;

/** Fires `facts` whenever they were read. */
export class Facts extends EventTarget {
  /** @param {import("./events.js").Live} live */
  constructor(live) {
    super();
    /** @type {LibraryFacts | null} */
    this.library = null;
    this._resting = false;
    this._wanted = false;
    live.addEventListener("status", () => this.refresh());
    live.addEventListener("connection", () => live.connected && this.refresh());
    addEventListener("library-changed", () => this.refresh());
  }

  /** Have them read again soon, once for all who ask meanwhile. */
  refresh() {
    this._wanted = true;
    if (!this._resting) this._ask();
  }

  /**
   * Calls back now, if they are known, and whenever they were read again.
   * @param {(library: LibraryFacts) => void} tell
   * @param {AbortSignal} signal
   */
  watch(tell, signal) {
    this.addEventListener("facts", () => this.library && tell(this.library), { signal });
    if (this.library) tell(this.library);
  }

  async _ask() {
    this._resting = true;
    this._wanted = false;
    const began = performance.now();
    try {
      this.library = await readLibrary();
      this.dispatchEvent(new Event("facts"));
    } catch {
      // Whatever cannot go on without an answer says so; this is asked again with the next change.
    }
    const rest = Math.max(PAUSE, TIMES_ITS_COST * (performance.now() - began));
    setTimeout(() => {
      this._resting = false;
      if (this._wanted) this._ask();
    }, rest);
  }
}
