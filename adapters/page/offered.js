// @ts-check
/** Legacy databases that were found, of which one can be taken instead of typing its path. */

import { readDatabases } from "./api.js";
import { fill, h } from "./dom.js";
import { pathText, plain } from "./text.js";

/** @typedef {import("./api.js").DatabaseNearby} DatabaseNearby */

/** How the last run of a database stands, where that is worth telling. @type {Record<string, string>} */
const STANDING = {
  running: "is being carried across",
  interrupted: "was begun, not finished",
  cancelled: "was begun, not finished",
  completed: "was carried across",
  completed_with_failures: "was carried across, some of it failed",
};

export class Offered {
  /**
   * @param {string} title
   * @param {(path: string) => void} take
   */
  constructor(title, take) {
    this._title = title;
    this._take = take;
    /** @type {Map<string, HTMLElement>} */
    this._buttons = new Map();
    this.element = h("div.offered", { role: "group", "aria-label": title, hidden: true });
  }

  /**
   * Shows those in a folder, else those in the usual places.
   * @param {AbortSignal} signal
   * @param {string} [folder]
   */
  async find(signal, folder = undefined) {
    try {
      this._show(await readDatabases(folder, signal));
    } catch {
      // Whoever knows the path can type it.
    }
  }

  /** Marks the one that was taken. @param {string} path */
  mark(path) {
    for (const [offered, one] of this._buttons) {
      one.setAttribute("aria-pressed", String(offered === path));
    }
  }

  /** @param {DatabaseNearby[]} databases */
  _show(databases) {
    this._buttons = new Map(databases.map((found) => [found.path, this._button(found)]));
    this.element.hidden = databases.length === 0;
    fill(this.element, h("p.field-label", null, this._title), [...this._buttons.values()]);
  }

  /** @param {DatabaseNearby} database */
  _button({ path, run }) {
    const standing = run === null ? undefined : STANDING[run];
    return h(
      "button.offer",
      {
        type: "button",
        "aria-pressed": "false",
        "aria-label": `Take ${plain(path)}${standing ? `, which ${standing}` : ""}`,
        click: () => this._take(path),
      },
      pathText(path),
      standing && h("span.small", null, standing),
    );
  }
}
