// @ts-check
/** Everything that is known about one model, in a dialog: pictures, notes, facts and history. */

import { pendingImage, readHistory, readModel, readPendingModel } from "./api.js";
import { copy } from "./copying.js";
import { button, fill, h } from "./dom.js";
import { bytes, date, dateTime, fileName, some, typeName } from "./format.js";
import { load } from "./notices.js";
import { frame, showImage, showPreview } from "./previews.js";
import { stateLabel } from "./runs.js";
import { foreign, pathText, plain } from "./text.js";

/** @typedef {import("./api.js").Model} Model */
/** @typedef {import("./api.js").PendingModel} PendingModel */
/** @typedef {{label: string, draw: (place: HTMLElement, alt: string) => void}} Picture */

/** Opens the details of an active model. @param {string} sha256 @param {string} name */
export function openModel(sha256, name) {
  open(
    name,
    (signal) => readModel(sha256, signal),
    (model) =>
      columns(gallery(name, modelPictures(model)), notes(model), facts(model), history(sha256)),
  );
}

/** Opens the details of a pending model. @param {number} id @param {string} name */
export function openPending(id, name) {
  open(
    name,
    (signal) => readPendingModel(id, signal),
    (model) => columns(gallery(name, pendingPictures(model)), notes(model), facts(model)),
  );
}

/** @param {Model} model @returns {Picture[]} */
export function modelPictures(model) {
  return Array.from({ length: model.meta_json.images_count }, (_, seq) => ({
    label: `Preview ${seq + 1}`,
    draw: (place, alt) => showPreview(place, model.sha256, seq, alt),
  }));
}

/** @param {PendingModel} model @returns {Picture[]} */
export function pendingPictures(model) {
  return model.meta_json.images.map((file, index) => ({
    label: `Image ${index + 1}`,
    draw: (place, alt) => showImage(place, pendingImage(file), alt),
  }));
}

/**
 * @template T
 * @param {string} name
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {(value: T) => HTMLElement} draw
 */
function open(name, read, draw) {
  const closing = new AbortController();
  const body = h("div.dialog-body");
  const title = foreign(name, "h2");
  title.id = "dialog-title";
  const dialog = h(
    "dialog.dialog",
    { "aria-labelledby": "dialog-title" },
    h(
      "div.dialog-head",
      null,
      title,
      button("Close", () => dialog.close(), { look: "quiet", icon: "cross" }),
    ),
    body,
  );
  dialog.addEventListener("close", () => {
    closing.abort();
    dialog.remove();
  });
  // The dialog's own box covers everything but what lies behind it.
  dialog.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (event.target === dialog) dialog.close();
  });
  addEventListener("hashchange", () => dialog.close(), { signal: closing.signal });
  document.body.append(dialog);
  dialog.showModal();
  load(
    body,
    () => read(closing.signal),
    (value) => fill(body, draw(value)),
  );
}

/** @param {HTMLElement} pictures @param {...HTMLElement} words */
function columns(pictures, ...words) {
  return h("div.dialog-columns", null, pictures, h("div", null, words));
}

/** @param {string} name @param {Picture[]} pictures */
function gallery(name, pictures) {
  const large = frame(name, "div.picture.large");
  if (pictures.length === 0) return large;
  const place = h("div.gallery", null, large);
  const show = (/** @type {number} */ index) => {
    const fresh = frame(name, "div.picture.large");
    place.replaceChild(fresh, place.children[0]);
    pictures[index].draw(fresh, `${pictures[index].label} of ${plain(name)}`);
    for (const [number, other] of choices.entries()) {
      other.setAttribute("aria-pressed", String(number === index));
    }
  };
  const choices =
    pictures.length < 2
      ? []
      : pictures.map(({ label, draw }, index) => {
          const small = frame(name, "span.picture.small");
          // Drawn once the dialog is laid out, so that the tier is chosen by the frame's true size.
          requestAnimationFrame(() => draw(small, ""));
          return h(
            "button.thumb",
            { type: "button", "aria-label": label, click: () => show(index) },
            small,
          );
        });
  if (choices.length > 0) place.append(h("div.thumbs", null, choices));
  requestAnimationFrame(() => show(0));
  return place;
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
