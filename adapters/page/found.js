// @ts-check
/**
 * What a search found, of which only the pages that were looked at are here: an array with holes,
 * filled as they are needed. A newer search makes answers to an older one worthless.
 */

import { isAbort, readModelPage } from "./api.js";

/** @typedef {import("./api.js").ModelSummary} ModelSummary */
/** @typedef {import("./api.js").ModelQuery} ModelQuery */

const PAGE = 200;

/** How many the server tells at once, where all are wanted. */
const LARGEST_PAGE = 1000;

export class Found {
  /**
   * @param {() => void} changed called when more of it is here
   * @param {(error: unknown) => void} failed
   * @param {AbortSignal} signal
   */
  constructor(changed, failed, signal) {
    this._changed = changed;
    this._failed = failed;
    /** @type {ModelSummary[]} */
    this.items = [];
    /** @type {ModelQuery} */
    this._query = {};
    this._asked = new Set();
    this._search = new AbortController();
    signal.addEventListener("abort", () => this._search.abort());
  }

  /** How many were found. */
  get total() {
    return this.items.length;
  }

  /** Looks for something else; resolves when its first page is here. @param {ModelQuery} query */
  async look(query) {
    this._search.abort();
    this._search = new AbortController();
    this._query = query;
    const { models, total } = await this._read(0, PAGE);
    this._asked = new Set([0]);
    this.items = new Array(total);
    this._take(0, models);
  }

  /** Has what lies between fetched, where it is not here yet. @param {number} from @param {number} to */
  need(from, to) {
    for (let page = Math.floor(from / PAGE); page <= Math.floor(to / PAGE); page += 1) {
      if (this._asked.has(page) || page * PAGE >= this.total) continue;
      this._asked.add(page);
      this._fetch(page);
    }
  }

  /** All of it. @returns {Promise<ModelSummary[]>} */
  async all() {
    for (let at = 0; at < this.total; at += LARGEST_PAGE) {
      const here = this.items.slice(at, at + LARGEST_PAGE);
      if (Object.keys(here).length === here.length) continue;
      const { models } = await this._read(at, LARGEST_PAGE);
      this._take(at, models);
    }
    this._changed();
    return this.items.filter(Boolean);
  }

  /** @param {number} page */
  async _fetch(page) {
    try {
      const { models } = await this._read(page * PAGE, PAGE);
      this._take(page * PAGE, models);
      this._changed();
    } catch (error) {
      this._asked.delete(page);
      if (!isAbort(error)) this._failed(error);
    }
  }

  /** @param {number} offset @param {number} limit */
  _read(offset, limit) {
    return readModelPage({ ...this._query, offset, limit }, this._search.signal);
  }

  /** @param {number} from @param {ModelSummary[]} models */
  _take(from, models) {
    models.forEach((model, index) => {
      if (from + index < this.total) this.items[from + index] = model;
    });
  }
}
