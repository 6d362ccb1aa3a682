// @ts-check
/** The pictures of a model: one large, the others to choose from, and ways to add and remove them. */

import { deleteImage, notePicturesChanged, pendingImage, uploadImage } from "./api.js";
import { ask } from "./asking.js";
import { button, h } from "./dom.js";
import { some } from "./format.js";
import { attempt, notify } from "./notices.js";
import { frame, showImage, showPreview } from "./previews.js";
import { plain } from "./text.js";

/** @typedef {import("./api.js").Model} Model */
/** @typedef {import("./api.js").PendingModel} PendingModel */
/** @typedef {{label: string, draw: (place: HTMLElement, alt: string) => void}} Picture */

const KINDS = "image/png,image/jpeg,image/webp,image/gif,image/avif,image/bmp,image/tiff";

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
 * @param {string} name
 * @param {Picture[]} pictures
 * @param {(index: number) => void} [shown] told which of them is large
 */
export function gallery(name, pictures, shown = undefined) {
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
    shown?.(index);
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

/**
 * The pictures of an active model, with what changes them.
 * @param {Model} model
 * @param {string} name
 * @param {() => void} changed
 */
export function editableGallery(model, name, changed) {
  const { sha256 } = model;
  const pictures = modelPictures(model);
  let large = 0;
  const done = () => {
    notePicturesChanged(sha256);
    changed();
  };
  const files = h("input", {
    type: "file",
    accept: KINDS,
    multiple: true,
    hidden: true,
    "aria-label": "Pictures to add",
    change: async () => {
      add.disabled = true;
      let added = 0;
      for (const file of [...(files.files ?? [])]) {
        if (await attempt(() => uploadImage(sha256, file))) added += 1;
      }
      add.disabled = false;
      if (added === 0) return;
      notify(`${some(added, "picture")} added.`);
      done();
    },
  });
  const add = button("Add pictures", () => files.click());
  const remove = button("Remove this picture", async () => {
    const number = large;
    const agreed = await ask({
      title: `Remove ${pictures[number].label.toLowerCase()}?`,
      words: [
        "It is deleted from the library in all three sizes and cannot be brought back; those after " +
          "it move up. The image that it was made from is not touched.",
      ],
      label: "Remove it",
    });
    if (!agreed) return;
    if (!(await attempt(() => deleteImage(sha256, number)))) return;
    notify("The picture was removed.");
    done();
  });
  return h(
    "div.gallery-edit",
    null,
    gallery(name, pictures, (index) => {
      large = index;
    }),
    h("div.actions", null, add, pictures.length > 0 && remove, files),
  );
}
