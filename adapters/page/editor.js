// @ts-check
/** Editing one model: its name, type, path, tags, notes and prompts. Only what was changed is sent. */

import { addTags, readTags, readTypes } from "./api.js";
import { button, fill, h, say } from "./dom.js";
import { TagField } from "./tagging.js";

/** @typedef {import("./api.js").Model} Model */
/** @typedef {import("./api.js").PendingModel} PendingModel */
/** @typedef {import("./api.js").ModelPatch} ModelPatch */

/**
 * A form over a model.
 * @template {Model | PendingModel} T
 * @param {T} model
 * @param {(patch: ModelPatch) => Promise<T>} save
 * @param {(saved: T | null) => void} done called with the model as it was saved, or null
 */
export function editor(model, save, done) {
  const { meta_json: meta } = model;
  const types = h("datalist", { id: "edit-types" });
  const place = h("div");
  const name = line("Name", model.name, { placeholder: "the name of its file" });
  const type = line("Type", model.type, { list: "edit-types", placeholder: "none" });
  const path = line("File", model.path, { dir: "ltr", required: true });
  const notes = area("Notes", meta.description, 4);
  const links = area("Links", meta.community_links, 2);
  const positive = area("Prompt", meta.prompts.positive, 3);
  const negative = area("Negative prompt", meta.prompts.negative, 2);
  const had = model.tags.map((tag) => tag.name);
  /** @type {TagField} */
  let tags = new TagField("Tags", had, []);
  fill(place, tags.element);
  const wrong = h("p.form-error", { role: "alert", hidden: true });
  const submit = h("button.button.primary", { type: "submit" }, h("span", null, "Save"));

  readTypes()
    .then((known) =>
      fill(
        types,
        known.map((value) => h("option", { value })),
      ),
    )
    .catch(() => {});
  readTags()
    .then((known) => {
      const typed = tags.names;
      tags = new TagField(
        "Tags",
        typed,
        known.map((tag) => tag.name),
      );
      fill(place, tags.element);
    })
    .catch(() => {}); // Tags can be typed all the same.

  const patch = async () => {
    /** @type {ModelPatch} */
    const changed = {};
    if (name.value !== model.name) changed.name = name.value.trim();
    if (type.value !== model.type) changed.type = type.value.trim();
    if (path.value !== model.path) changed.path = path.value;
    const prompts = difference({ positive, negative }, meta.prompts);
    const written = difference(
      { description: notes, community_links: links },
      { description: meta.description, community_links: meta.community_links },
    );
    if (prompts || written) changed.meta_json = { ...written, ...(prompts && { prompts }) };
    const names = tags.names;
    if (names.join("\n") !== had.join("\n")) {
      changed.tags = names.length > 0 ? (await addTags(names)).map((tag) => tag.id) : [];
    }
    return changed;
  };

  return h(
    "form.editor",
    {
      novalidate: true,
      submit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        submit.disabled = true;
        wrong.hidden = true;
        try {
          const changed = await patch();
          done(Object.keys(changed).length > 0 ? await save(changed) : null);
        } catch (error) {
          say(wrong, error instanceof Error ? error.message : String(error));
          wrong.hidden = false;
        }
        submit.disabled = false;
      },
    },
    h("div.editor-pair", null, field(name), field(type)),
    types,
    field(path, "Where the file lies. Only the record is changed, never the file."),
    place,
    field(notes),
    field(links, "Addresses of web pages, one after another."),
    h("div.editor-pair", null, field(positive), field(negative)),
    wrong,
    h(
      "div.actions",
      null,
      button("Cancel", () => done(null)),
      submit,
    ),
  );
}

/**
 * What differs, by field; null where nothing does. A text area has line breaks of its own kind.
 * @param {Record<string, {value: string}>} fields
 * @param {Record<string, string>} before
 * @returns {Record<string, string> | null}
 */
function difference(fields, before) {
  const plain = (/** @type {string} */ text) => text.replaceAll("\r\n", "\n");
  const changed = Object.entries(fields)
    .filter(([name, { value }]) => plain(value) !== plain(before[name]))
    .map(([name, { value }]) => [name, value]);
  return changed.length > 0 ? Object.fromEntries(changed) : null;
}

/** @param {string} label @param {string} value @param {Record<string, any>} [more] */
function line(label, value, more = {}) {
  return h("input", {
    type: "text",
    "data-label": label,
    value,
    dir: "auto",
    spellcheck: "false",
    autocomplete: "off",
    ...more,
  });
}

/** @param {string} label @param {string} value @param {number} rows */
function area(label, value, rows) {
  return h("textarea", { "data-label": label, value, rows, dir: "auto" });
}

/** @param {HTMLElement} control @param {string} [hint] */
function field(control, hint) {
  return h(
    "label.field",
    null,
    h("span.field-label", null, control.dataset.label ?? ""),
    control,
    hint && h("span.hint", null, hint),
  );
}
