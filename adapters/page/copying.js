// @ts-check
/** Copying what is shown to the clipboard. */

import { button } from "./dom.js";
import { notify } from "./notices.js";

/** A button that copies. @param {string} text @param {string} what */
export function copy(text, what) {
  return button(
    `Copy the ${what}`,
    async () => {
      try {
        await navigator.clipboard.writeText(text);
        notify(`The ${what} was copied.`);
      } catch {
        notify(`The browser does not let the ${what} be copied.`, "error");
      }
    },
    { look: "quiet.icon-only", icon: "copy" },
  );
}
