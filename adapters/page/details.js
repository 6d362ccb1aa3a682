// @ts-check
/** Everything that is known about one model, in a dialog, and the way to edit it. */

import { editModel, editPending, readHistory, readModel, readPendingModel } from "./api.js";
import { copy } from "./copying.js";
import { button, fill, h } from "./dom.js";
import { editor } from "./editor.js";
import { bytes, date, dateTime, fileName, some, typeName } from "./format.js";
import { editableGallery, gallery, pendingPictures } from "./gallery.js";
import { icon } from "./icons.js";
import { load, notify } from "./notices.js";
import { stateLabel } from "./runs.js";
import { foreign, pathText } from "./text.js";

/** @typedef {import("./api.js").Model} Model */
/** @typedef {import("./api.js").PendingModel} PendingModel */

/**
 * Opens the details of an active model.
 * @param {string} sha256
 * @param {string} [name]
 * @param {() => void} [closed]
 */
export function openModel(sha256, name = "", closed = undefined) {
  const details = new Details(name, closed);
  details.load(
    (signal) => readModel(sha256, signal),
    (model) => ({
      pictures: editableGallery(model, calledAs(model), () => details.again()),
      words: [notes(model), facts(model), history(sha256)],
      edit: (patch) => editModel(sha256, patch),
    }),
  );
}

/**
 * Opens the details of a pending model.
 * @param {number} id
 * @param {string} [name]
 * @param {() => void} [closed]
 * @param {import("./api.js").PendingSummary["error"]} [error] why it failed
 */
export function openPending(id, name = "", closed = undefined, error = null) {
  new Details(name, closed).load(
    (signal) => readPendingModel(id, signal),
    (model) => ({
      pictures: gallery(calledAs(model), pendingPictures(model)),
      words: [
        error && h("div.banner.error", null, icon("problems"), foreign(error.message, "p")),
        notes(model),
        facts(model),
      ],
      edit: (patch) => editPending(id, patch),
    }),
  );
}

/** @param {Model | PendingModel} model */
const calledAs = ({ name, path }) => name || fileName(path);

/**
 * @template {Model | PendingModel} T
 * @typedef {{pictures: HTMLElement, words: import("./dom.js").Child[],
 *   edit: (patch: import("./api.js").ModelPatch) => Promise<T>}} Content
 */

/** A dialog over one model, which is shown or edited. */
class Details {
  /** @param {string} name @param {(() => void) | undefined} closed */
  constructor(name, closed) {
    this._closing = new AbortController();
    this._title = h("h2", { id: "dialog-title", dir: "auto" }, foreign(name));
    this._edit = button("Edit", () => {}, { icon: "edit", hidden: true });
    this._body = h("div.dialog-body");
    this._again = () => {};
    const dialog = h(
      "dialog.dialog",
      { "aria-labelledby": "dialog-title" },
      h(
        "div.dialog-head",
        null,
        this._title,
        this._edit,
        button("Close", () => dialog.close(), { look: "quiet", icon: "cross" }),
      ),
      this._body,
    );
    dialog.addEventListener("close", () => {
      this._closing.abort();
      dialog.remove();
      closed?.();
    });
    // The dialog's own box covers everything but what lies behind it.
    dialog.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (event.target === dialog && !this._body.querySelector(".editor")) dialog.close();
    });
    addEventListener("hashchange", () => dialog.close(), { signal: this._closing.signal });
    document.body.append(dialog);
    dialog.showModal();
  }

  /**
   * @template {Model | PendingModel} T
   * @param {(signal: AbortSignal) => Promise<T>} read
   * @param {(model: T) => Content<T>} draw
   */
  load(read, draw) {
    const show = (/** @type {T} */ model) => {
      const { pictures, words, edit } = draw(model);
      fill(this._title, foreign(calledAs(model)));
      fill(this._body, h("div.dialog-columns", null, pictures, h("div", null, words)));
      this._edit.hidden = false;
      this._edit.onclick = () => {
        this._edit.hidden = true;
        const form = editor(model, edit, (saved) => {
          show(saved ?? model);
          this._edit.focus();
          if (saved === null) return;
          dispatchEvent(new Event("library-changed"));
          notify("Saved.");
        });
        fill(this._body, form);
        form.querySelector("input").focus();
      };
    };
    this._again = () => load(this._body, () => read(this._closing.signal), show);
    this._again();
  }

  /** Reads and shows it again, after something about it was changed. */
  again() {
    dispatchEvent(new Event("library-changed"));
    this._again();
  }
}

/** @param {Model | PendingModel} model */
function notes({ tags, meta_json: meta }) {
  const { positive, negative } = meta.prompts;
  return h(
    "section.notes",
    null,
    tags.length > 0 && tagList(tags),
    meta.description && foreign(meta.description, "p.description"),
    meta.community_links && h("div", null, h("h3", null, "Links"), links(meta.community_links)),
    positive && h("div", null, h("h3", null, "Prompt"), foreign(positive, "p.prompt")),
    negative && h("div", null, h("h3", null, "Negative prompt"), foreign(negative, "p.prompt")),
  );
}

/** @param {import("./api.js").Tag[]} tags */
export function tagList(tags) {
  return h(
    "ul.tags",
    { "aria-label": "Tags" },
    tags.map(({ name }) => foreign(name, "li.tag")),
  );
}

/**
 * What a user wrote as links: addresses of the web lead there, anything else is text.
 * @param {string} text
 */
export function links(text) {
  return h(
    "p.links",
    null,
    text.split(/(https?:\/\/\S+)/i).map((run, index) => {
      if (index % 2 === 0 || !URL.canParse(run)) return run && foreign(run, "span");
      return h("a", { href: run, target: "_blank", rel: "noopener noreferrer" }, foreign(run));
    }),
  );
}

/** @param {Model | PendingModel} model */
function facts(model) {
  return h(
    "dl.facts-list",
    null,
    row("Type", h("dd", null, typeName(model.type))),
    row("File", h("dd", null, pathText(model.path), copy(model.path, "path"))),
    row("Size", h("dd", null, bytes(model.size_bytes))),
    row("Added", h("dd", null, date(model.created_at))),
    row(
      "SHA-256",
      model.sha256
        ? h("dd", null, h("code.hash", null, model.sha256), copy(model.sha256, "SHA-256"))
        : h("dd", null, "not known yet: it is read when the model is promoted"),
    ),
  );
}

/** @param {string} label @param {HTMLElement} value */
function row(label, value) {
  return h("div", null, h("dt", null, label), value);
}

/** @param {string} sha256 */
function history(sha256) {
  const place = h("div");
  load(
    place,
    () => readHistory(sha256),
    (steps) => {
      fill(
        place,
        steps.length === 0
          ? h("p.means", null, "Nothing is recorded.")
          : h(
              "ol.history",
              null,
              steps.map((step, index) =>
                h(
                  `li.${step.to_state}`,
                  null,
                  h("span.swatch", { "aria-hidden": "true" }),
                  h("strong", null, stateLabel(step.to_state)),
                  h("span.means", null, dateTime(step.at)),
                  !follows(step, steps[index - 1]) &&
                    h("span.means", null, `run ${step.run_id}, `, foreign(fileName(step.path))),
                ),
              ),
            ),
      );
    },
  );
  return h("section", null, h("h3", null, "History"), place);
}

/**
 * Whether a step is the next one of the same item in the same run.
 * @param {import("./api.js").Step} step
 * @param {import("./api.js").Step | undefined} before
 */
const follows = (step, before) =>
  before !== undefined && step.item_id === before.item_id && step.run_id === before.run_id;

/** @param {Model | PendingModel} model */
export function pictureWords(model) {
  const { meta_json: meta } = model;
  const number = "images" in meta ? meta.images.length : meta.images_count;
  return number === 0 ? "no images" : some(number, "image");
}
