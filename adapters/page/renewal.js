// @ts-check
/** Lists that are read again when the library is not what it was: at once, or now and then while a
 * run changes it all the time. */

/** How long after it was read a list is read again while a run goes on, at the least. */
const PAUSE = 2000;

/** A large list takes longer to read: most of the time, nothing is asked. */
const TIMES_ITS_COST = 10;

export class Renewal {
  /**
   * @param {() => Promise<unknown>} read
   * @param {AbortSignal} signal
   * @param {() => boolean} [disturbs] whether somebody is in the midst of the list; then it stays as
   * it is while a run goes on
   */
  constructor(read, signal, disturbs = () => false) {
    this._read = read;
    this._signal = signal;
    this._disturbs = disturbs;
    this._reading = false;
    this._again = false;
    this._restsUntil = 0;
    /** @type {number | undefined} */
    this._timer = undefined;
    signal.addEventListener("abort", () => clearTimeout(this._timer));
  }

  /** Reads it, once more if that is asked for meanwhile. */
  async now() {
    clearTimeout(this._timer);
    this._again = this._reading;
    if (this._reading || this._signal.aborted) return;
    this._reading = true;
    const began = performance.now();
    await this._read();
    this._reading = false;
    this._restsUntil =
      performance.now() + Math.max(PAUSE, TIMES_ITS_COST * (performance.now() - began));
    if (this._again) await this.now();
  }

  /** Reads it if it is another one by now. @param {boolean} stale @param {boolean} running */
  keep(stale, running) {
    clearTimeout(this._timer);
    if (!stale || this._reading) return;
    if (!running) this.now();
    else {
      const rest = Math.max(this._restsUntil - performance.now(), 0);
      this._timer = setTimeout(() => {
        if (this._disturbs()) this.keep(true, true);
        else this.now();
      }, Math.max(rest, 50));
    }
  }
}
