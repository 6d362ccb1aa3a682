// @ts-check
/**
 * What the server is doing, live: the run status of the event stream, and whether there is a
 * connection. A stream that breaks is opened again for as long as it takes, so a page outlives its
 * server's restart; statuses come from the server alone.
 */

/** @typedef {import("./api.js").RunStatus} RunStatus */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

/** After this long without news, a page that is looked at again does not trust its stream. */
const STALE = 20_000;

/**
 * Fires `status` with every run status, `connection` when the connection comes or goes, and `refused`
 * each time that none can be had.
 */
export class Live extends EventTarget {
  constructor() {
    super();
    /** @type {RunStatus | null} */
    this.status = null;
    this.connected = true;
    /** When there was a connection last, in milliseconds since 1970. @type {number | null} */
    this.seen = null;
    this._wait = FIRST_WAIT;
    /** @type {EventSource | null} */
    this._source = null;
    /** @type {number | undefined} */
    this._timer = undefined;
    this._heard = 0;
    /** How many statuses the stream has brought. */
    this._events = 0;
  }

  /** Begin to listen, until the page goes away. */
  follow() {
    this._open();
    addEventListener("online", () => this._again());
    addEventListener("pagehide", () => this._close());
    addEventListener("pageshow", (event) => event.persisted && this._again());
    document.addEventListener("visibilitychange", () => {
      const stale = performance.now() - this._heard > STALE;
      if (!document.hidden && (stale || !this.connected)) this._again();
    });
  }

  /**
   * Asks for something whose answer is a status, as good as an event; unless one of the same run or
   * a later one came meanwhile, which is newer.
   * @param {() => Promise<RunStatus>} request
   */
  async ask(request) {
    const before = this._events;
    const status = await request();
    const known = this.status?.run?.id ?? 0;
    if (this._events === before || known < (status.run?.id ?? 0)) this._take(status);
  }

  /** @param {RunStatus} status */
  _take(status) {
    this.status = status;
    this.dispatchEvent(new Event("status"));
  }

  /**
   * Calls back now, if there is a status, and on every later one.
   * @param {(status: RunStatus) => void} tell
   * @param {AbortSignal} signal
   */
  watch(tell, signal) {
    this.addEventListener("status", () => this.status && tell(this.status), { signal });
    if (this.status) tell(this.status);
  }

  _open() {
    this._close();
    const source = new EventSource("/api/migration/events");
    this._source = source;
    source.addEventListener("open", () => this._reached());
    source.addEventListener("progress", (event) => {
      this._reached();
      this._events += 1;
      this._take(JSON.parse(event.data));
    });
    source.addEventListener("error", () => this._lost());
  }

  _close() {
    clearTimeout(this._timer);
    this._source?.close();
    this._source = null;
  }

  _again() {
    this._wait = FIRST_WAIT;
    this._open();
  }

  _reached() {
    this._heard = performance.now();
    this.seen = Date.now();
    this._wait = FIRST_WAIT;
    this._tell(true);
  }

  /** A browser gives up after some errors and not after others; this page never does. */
  _lost() {
    this._close();
    if (this.connected && this.seen !== null) this.seen = Date.now();
    this._tell(false);
    this.dispatchEvent(new Event("refused"));
    this._timer = setTimeout(() => this._open(), this._wait * (0.75 + Math.random() / 2));
    this._wait = Math.min(this._wait * 2, LONGEST_WAIT);
  }

  /** @param {boolean} connected */
  _tell(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event("connection"));
  }
}
