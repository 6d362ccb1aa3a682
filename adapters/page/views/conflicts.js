// @ts-check
/** Conflicts: a waiting model and the active one of the same content, and a choice for each. */

import { readModel, readPendingModel } from "../api.js";
import { ask } from "../asking.js";
import { links, pictureWords, tagList } from "../details.js";
import { button, fill, h, say } from "../dom.js";
import { bytes, count, date, fileName, some, typeName } from "../format.js";
import { modelPictures, pendingPictures } from "../gallery.js";
import { icon } from "../icons.js";
import { load } from "../notices.js";
import { frame } from "../previews.js";
import { removing, replacing } from "../promotions.js";
import { linkTo } from "../router.js";
import { foreign, pathText, plain } from "../text.js";

/** @typedef {import("../api.js").Conflict} Conflict */
/** @typedef {import("../api.js").Model} Model */
/** @typedef {import("../api.js").PendingModel} PendingModel */
/** @typedef {import("../api.js").Strategy} Strategy */

/** How many are shown at first, and how many more each time. */
const PAGE = 20;

const CHOICES = /** @type {const} */ ([
  ["merge", "Merge", "Keep the library's record and fill its gaps"],
  ["override", "Replace", "Use the waiting record instead"],
  ["ignore", "Leave", "Let it wait, change nothing"],
  ["delete", "Remove", "Take it off the queue; its file stays"],
]);

export class ConflictList {
  /**
   * @param {(wishes: [Strategy, number[]][]) => void} decide
   * @param {AbortSignal} signal
   */
  constructor(decide, signal) {
    this._decide = decide;
    this._signal = signal;
    /** @type {Conflict[]} */
    this._conflicts = [];
    /** @type {Map<number, Strategy>} */
    this._choices = new Map();
    /** @type {Map<number, HTMLElement>} */
    this._cards = new Map();
    this._shown = PAGE;
    this._resting = false;
    this._list = h("div.conflicts");
    this._more = h("div.more-line");
    this._forAll = h(
      "div.for-all",
      { role: "group", "aria-label": "Choose for all" },
      h("span.for-all-words", null, "For all"),
      CHOICES.map(([value, label, means]) =>
        button(label, () => this._chooseAll(value), { title: means }),
      ),
    );
    this._picks = h("p.picks", { role: "status" });
    this._apply = button("Apply", () => this._ask(), { look: "primary", icon: "check" });
    this._bar = h(
      "section.action-bar",
      { "aria-label": "Decisions", hidden: true },
      this._picks,
      button("Clear", () => this._clear(), { look: "quiet" }),
      this._apply,
    );
    this.element = h("div", null, this._forAll, this._list, this._more, this._bar);
    this._forAll.hidden = true;
  }

  /** @param {Conflict[]} conflicts */
  show(conflicts) {
    this._conflicts = conflicts;
    const known = new Set(conflicts.map(({ pending }) => pending.id));
    for (const id of this._choices.keys()) if (!known.has(id)) this._choices.delete(id);
    this._cards.clear();
    fill(this._list);
    this._draw();
    this._tell();
  }

  /** @param {boolean} resting */
  rest(resting) {
    this._resting = resting;
    this._tell();
  }

  _draw() {
    const { length } = this._conflicts;
    this._forAll.hidden = length === 0;
    if (length === 0) fill(this._list, nothing());
    for (const conflict of this._conflicts.slice(this._cards.size, this._shown)) {
      const card = conflictCard(conflict, this._signal, (strategy) => {
        this._choices.set(conflict.pending.id, strategy);
        this._tell();
      });
      this._cards.set(conflict.pending.id, card);
      this._list.append(card);
    }
    const rest = length - this._shown;
    fill(
      this._more,
      rest > 0 &&
        button(`Show ${count(Math.min(PAGE, rest))} more`, () => {
          this._shown += PAGE;
          this._draw();
          this._tell();
        }),
      rest > 0 && h("span.means", null, `${count(rest)} not shown`),
    );
  }

  /** @param {Strategy} strategy */
  _chooseAll(strategy) {
    for (const { pending } of this._conflicts) this._choices.set(pending.id, strategy);
    this._tell();
  }

  _clear() {
    this._choices.clear();
    this._tell();
  }

  _tell() {
    const number = this._choices.size;
    for (const [id, card] of this._cards) {
      for (const input of card.querySelectorAll("input")) {
        input.checked = this._choices.get(id) === input.value;
      }
    }
    this._bar.hidden = number === 0;
    document.documentElement.classList.toggle("with-bar", number > 0);
    say(this._picks, `${count(number)} of ${some(this._conflicts.length, "conflict")} decided`);
    say(
      /** @type {Element} */ (this._apply.querySelector("span")),
      `Apply ${some(number, "decision")}`,
    );
    this._apply.disabled = this._resting || number === 0;
  }

  /** Decides at once, or asks first where something is lost by it. */
  async _ask() {
    const wishes = CHOICES.map(
      ([strategy]) =>
        /** @type {[Strategy, number[]]} */ ([
          strategy,
          [...this._choices].filter(([, wanted]) => wanted === strategy).map(([id]) => id),
        ]),
    );
    const of = (/** @type {Strategy} */ wanted) =>
      wishes.find(([strategy]) => strategy === wanted)?.[1].length ?? 0;
    const [replaced, removed] = [of("override"), of("delete")];
    const agreed =
      replaced + removed === 0 ||
      (await ask({
        title: "Some notes will be gone",
        words: [
          replaced > 0 && replacing(replaced),
          removed > 0 && removing(removed),
          "No model file is touched.",
        ].filter((words) => words !== false),
        label: `Apply ${some(this._choices.size, "decision")}`,
      }));
    if (agreed) this._decide(wishes);
  }
}

/**
 * @param {Conflict} conflict
 * @param {AbortSignal} signal
 * @param {(strategy: Strategy) => void} choose
 */
function conflictCard({ pending, existing }, signal, choose) {
  const sides = h("div.sides");
  load(
    sides,
    () => Promise.all([readPendingModel(pending.id, signal), readModel(existing.id, signal)]),
    ([waiting, active]) => {
      const [differs, same] = compare(waiting, active);
      sides.style.setProperty("--rows", String(differs.length));
      fill(
        sides,
        side(
          "Waiting",
          "pending",
          waiting,
          differs.map(([label, own, , draw]) => [label, own, draw]),
          pendingPictures(waiting)[0],
        ),
        side(
          "In the library",
          "library",
          active,
          differs.map(([label, , own, draw]) => [label, own, draw]),
          modelPictures(active)[0],
        ),
        same.length > 0 &&
          h(
            "p.same",
            null,
            h("span.means", null, "The same in both: "),
            same
              .map(([label, value, , draw], index) => [
                index > 0 && ", ",
                `${label.toLowerCase()} `,
                h("strong", null, draw(value)),
              ])
              .flat(),
          ),
      );
    },
  );
  const name = `conflict-${pending.id}`;
  return h(
    "article.panel.conflict",
    { "aria-label": `Conflict of ${plain(fileName(pending.path))}` },
    sides,
    h(
      "fieldset.choices",
      null,
      h("legend", null, "What shall become of them?"),
      CHOICES.map(([value, label, means]) =>
        h(
          "label.choice-card",
          null,
          h("input", { type: "radio", name, value, change: () => choose(value) }),
          h("span", null, h("strong", null, label), h("span.means", null, means)),
        ),
      ),
    ),
  );
}

/** @typedef {(text: string) => import("../dom.js").Child} Draw */

/**
 * What the records say, as (label, waiting, active, how it is shown): where they differ, and where
 * not. What neither knows is left out; the path is always told, because it tells files apart.
 * @param {PendingModel} waiting
 * @param {Model} active
 */
function compare(waiting, active) {
  const [notes, others] = [waiting.meta_json, active.meta_json];
  const text = (/** @type {string} */ words) => foreign(words, "span");
  /** @type {[string, string, string, Draw][]} */
  const rows = [
    ["Path", waiting.path, active.path, pathText],
    ["Type", typeName(waiting.type), typeName(active.type), text],
    ["Size", bytes(waiting.size_bytes), bytes(active.size_bytes), text],
    ["Added", date(waiting.created_at), date(active.created_at), text],
    ["Images", pictureWords(waiting), pictureWords(active), text],
    ["Notes", notes.description, others.description, text],
    ["Links", notes.community_links, others.community_links, links],
    ["Prompt", notes.prompts.positive, others.prompts.positive, text],
    ["Negative", notes.prompts.negative, others.prompts.negative, text],
  ];
  const told = rows.filter(([, own, other]) => own || other);
  const differs = told.filter(([label, own, other]) => own !== other || label === "Path");
  return [differs, told.filter((row) => !differs.includes(row))];
}

/**
 * One of the two.
 * @param {string} title
 * @param {string} picture
 * @param {Model | PendingModel} model
 * @param {[string, string, Draw][]} rows
 * @param {import("../gallery.js").Picture | undefined} image
 */
function side(title, picture, model, rows, image) {
  const name = model.name || fileName(model.path);
  const place = frame(name, "div.picture.side-picture");
  if (image) requestAnimationFrame(() => image.draw(place, `Picture of ${plain(name)}`));
  return h(
    "section.side",
    { "aria-label": title },
    h("p.side-title", null, icon(picture), title),
    place,
    foreign(name, "h2.side-name"),
    model.tags.length > 0 ? tagList(model.tags) : h("p.means.no-tags", null, "no tags"),
    h(
      "dl.side-facts",
      null,
      rows.map(([label, value, draw]) =>
        h(
          "div",
          null,
          h("dt", null, label),
          h("dd", null, value ? draw(value) : h("span.means", null, "none")),
        ),
      ),
    ),
  );
}

function nothing() {
  return h(
    "div.empty",
    null,
    icon("check"),
    h("h2", null, "No conflicts"),
    h(
      "p",
      null,
      "When a waiting model turns out to be in the library already, both are shown " +
        "here side by side.",
    ),
    h("a.button", { href: linkTo("pending") }, "See what waits"),
  );
}
