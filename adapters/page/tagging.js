// @ts-check
/** Tags: choosing some by typing and picking, and giving many models more of them, or fewer. */

import { changeTags } from "./api.js";
import { button, fill, h, say } from "./dom.js";
import { count, some } from "./format.js";
import { icon } from "./icons.js";
import { foreign, plain } from "./text.js";

/** How many models the server takes in one request, and how many tags. */
const MOST = 10_000;
const MOST_TAGS = 20;

let numbers = 0;

/** Tags that are chosen: those there are, each with a way to take it off, and a field for more. */
export class TagField {
  /**
   * @param {string} label
   * @param {string[]} chosen
   * @param {string[]} known what is proposed while one types
   * @param {() => void} [changed]
   */
  constructor(label, chosen, known, changed = undefined) {
    numbers += 1;
    this._chosen = [...chosen];
    this._changed = changed;
    this._list = h("ul.tags.chosen", { "aria-label": label });
    const id = `tags-${numbers}`;
    this._input = h("input", {
      id,
      type: "text",
      list: `${id}-known`,
      autocomplete: "off",
      placeholder: "Type a tag, then Enter",
      keydown: (/** @type {KeyboardEvent} */ event) => this._key(event),
      input: () => this._changed?.(),
    });
    this.element = h(
      "div.field",
      null,
      h("label", { for: id }, label),
      this._list,
      this._input,
      h(
        "datalist",
        { id: `${id}-known` },
        known.map((name) => h("option", { value: name })),
      ),
    );
    this._draw();
  }

  /** The names, with what stands in the field still. */
  get names() {
    return [...new Set([...this._chosen, ...this._typed()])];
  }

  /** @returns {string[]} */
  _typed() {
    return this._input.value
      .split(",")
      .map((/** @type {string} */ name) => name.trim())
      .filter(Boolean);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.key === "Enter") {
      event.preventDefault(); // it ends a tag, and never the form
      this._take();
    } else if (event.key === "Backspace" && !this._input.value && this._chosen.length > 0) {
      this._chosen.pop();
      this._draw();
      this._changed?.();
    }
  }

  _take() {
    const { names } = this;
    if (this._typed().length === 0) return;
    this._chosen = names;
    this._input.value = "";
    this._draw();
    this._changed?.();
  }

  _draw() {
    this._list.hidden = this._chosen.length === 0;
    fill(
      this._list,
      this._chosen.map((name) =>
        h(
          "li.tag",
          null,
          foreign(name),
          h(
            "button.tag-off",
            {
              type: "button",
              "aria-label": `Take off ${plain(name)}`,
              click: () => {
                this._chosen = this._chosen.filter((other) => other !== name);
                this._draw();
                this._changed?.();
                this._input.focus();
              },
            },
            icon("cross"),
          ),
        ),
      ),
    );
  }
}

/**
 * Asks for tags that many models get and lose, and gives and takes them.
 * @param {{sha256?: string[], pending?: number[]}} which
 * @param {{names: string[]}[]} having the tags of each of them
 * @param {string[]} known
 * @returns {Promise<string | null>} what was done, in a sentence; null where nothing was
 */
export function tagMany(which, having, known) {
  const number = (which.sha256?.length ?? 0) + (which.pending?.length ?? 0);
  /** @type {Map<string, number>} */
  const uses = new Map();
  for (const { names } of having) {
    for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return new Promise((resolve) => {
    /** @type {string | null} */
    let done = null;
    /** @type {Set<string>} */
    const lost = new Set();
    const outcome = h("p.means", { role: "status" });
    const wrong = h("p.form-error", { role: "alert", hidden: true });
    const gained = new TagField("Give them", [], known, () => tell());
    const begin = button("Change tags", () => apply(), { look: "primary" });
    const tell = () => {
      const added = gained.names;
      const parts = [
        added.length > 0 && `${some(number, "model")} will get ${some(added.length, "tag")}`,
        lost.size > 0 &&
          `${some(Math.max(...[...lost].map((name) => uses.get(name) ?? 0)), "model")} ` +
            `will lose ${some(lost.size, "tag")}`,
      ].filter(Boolean);
      say(outcome, parts.length > 0 ? `${parts.join(", ")}.` : "Nothing changes yet.");
      begin.disabled = parts.length === 0;
    };
    const apply = async () => {
      begin.disabled = true;
      wrong.hidden = true;
      try {
        const reports = await changeInParts(which, gained.names, [...lost]);
        done = inWords(reports);
        dialog.close();
      } catch (error) {
        say(wrong, error instanceof Error ? error.message : String(error));
        wrong.hidden = false;
        begin.disabled = false;
      }
    };
    const dialog = h(
      "dialog.dialog.small",
      { "aria-labelledby": "tagging-title" },
      h(
        "div.dialog-body",
        null,
        h("h2", { id: "tagging-title" }, `Tags of ${some(number, "model")}`),
        gained.element,
        uses.size > 0 &&
          h(
            "fieldset.field",
            null,
            h("legend.legend-label", null, "Take from them"),
            h(
              "div.tag-picks",
              null,
              [...uses]
                .sort(([a], [b]) => a.localeCompare(b))
                .map(([name, times]) =>
                  h(
                    "label.choice",
                    null,
                    h("input", {
                      type: "checkbox",
                      change: (/** @type {Event} */ event) => {
                        const { checked } = /** @type {HTMLInputElement} */ (event.target);
                        if (checked) lost.add(name);
                        else lost.delete(name);
                        tell();
                      },
                    }),
                    h("span", null, foreign(name), " ", h("span.means", null, count(times))),
                  ),
                ),
            ),
          ),
        outcome,
        wrong,
        h("div.actions", null, button("Go back", () => dialog.close()), begin),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    tell();
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * @param {{sha256?: string[], pending?: number[]}} which
 * @param {string[]} add
 * @param {string[]} remove
 */
async function changeInParts({ sha256 = [], pending = [] }, add, remove) {
  const reports = [];
  const tags = [
    ...add.map((name) => ({ add: [name], remove: [] })),
    ...remove.map((name) => ({ add: [], remove: [name] })),
  ];
  for (let at = 0; at < tags.length; at += MOST_TAGS) {
    const part = tags.slice(at, at + MOST_TAGS);
    const change = {
      add: part.flatMap((one) => one.add),
      remove: part.flatMap((one) => one.remove),
    };
    for (let from = 0; from < Math.max(sha256.length, pending.length); from += MOST / 2) {
      const until = from + MOST / 2;
      const whom = { sha256: sha256.slice(from, until), pending: pending.slice(from, until) };
      const report = await changeTags({ ...whom, ...change });
      if (at === 0) reports.push(report);
    }
  }
  return reports;
}

/** @param {import("./api.js").TagReport[]} reports */
function inWords(reports) {
  const sum = (/** @type {(report: import("./api.js").TagReport) => number} */ of) =>
    reports.reduce((total, report) => total + of(report), 0);
  const changed = sum(({ models, pending }) => models + pending);
  const busy = sum((report) => report.busy.length);
  const gone = sum((report) => report.unknown.length);
  return [
    `The tags of ${some(changed, "model")} were changed.`,
    busy > 0 && `${some(busy, "model")} ${busy === 1 ? "is" : "are"} being promoted: left alone.`,
    gone > 0 && `${some(gone, "model")} ${gone === 1 ? "is" : "are"} no longer there.`,
  ]
    .filter(Boolean)
    .join(" ");
}
