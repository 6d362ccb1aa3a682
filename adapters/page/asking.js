// @ts-check
/** Questions that are asked once, before something is lost: what will happen, and a way back. */

import { button, h } from "./dom.js";

/**
 * @param {{title: string, words: (string | Node)[], label: string}} question
 * `words` are its paragraphs; `label` is the button that goes on.
 * @returns {Promise<boolean>} whether to go on
 */
export function ask({ title, words, label }) {
  return new Promise((resolve) => {
    let agreed = false;
    const dialog = h(
      "dialog.dialog.small",
      { "aria-labelledby": "question-title" },
      h(
        "div.dialog-body",
        null,
        h("h2", { id: "question-title" }, title),
        words.map((part) => (part instanceof Node ? part : h("p", null, part))),
        h(
          "div.actions",
          null,
          button("Go back", () => dialog.close()),
          button(
            label,
            () => {
              agreed = true;
              dialog.close();
            },
            { look: "primary" },
          ),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(agreed);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
