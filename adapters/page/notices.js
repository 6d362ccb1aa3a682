// @ts-check
/** What the page says: notices that stay until they are read, and words for a screen reader. */

import { isAbort } from "./api.js";
import { icon } from "./icons.js";
import { button, fill, h, say } from "./dom.js";
import { foreign } from "./text.js";

const STAYS = 8000;

/** How often a screen reader is told of progress, at most. */
const SPEAK_EVERY = 15_000;

let spokenAt = -Infinity;

/**
 * Shows a sentence at the page's edge. Errors stay until they are dismissed.
 * @param {string} sentence
 * @param {"done" | "error"} [kind]
 */
export function notify(sentence, kind = "done") {
  const dismiss = button("Dismiss", () => note.remove(), { look: "quiet" });
  const role = kind === "error" ? "alert" : "status";
  const note = h(
    `div.notice.${kind}`,
    { role },
    icon(kind === "error" ? "problems" : "check"),
    foreign(sentence, "p"),
    dismiss,
  );
  regionInSight()?.append(note);
  if (kind === "done") setTimeout(() => note.remove(), STAYS);
}

/** What lies behind an open dialog is neither seen nor heard. */
function regionInSight() {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (!dialog) return document.getElementById("notices");
  const known = dialog.querySelector(":scope > .notices");
  if (known) return known;
  const region = h("div.notices", { role: "region", "aria-label": "Messages" });
  dialog.append(region);
  return region;
}

/**
 * Does something, and shows why when it cannot be done. Returns whether it was done.
 * @param {() => Promise<unknown>} act
 */
export async function attempt(act) {
  try {
    await act();
    return true;
  } catch (error) {
    if (isAbort(error)) return false;
    notify(error instanceof Error ? error.message : String(error), "error");
    return false;
  }
}

/** Tells a screen reader at once. @param {string} sentence */
export function speak(sentence) {
  const region = document.getElementById("spoken");
  if (region) say(region, sentence);
  spokenAt = performance.now();
}

/** Tells a screen reader, unless it was told something a moment ago. @param {string} sentence */
export function speakNowAndThen(sentence) {
  if (performance.now() - spokenAt >= SPEAK_EVERY) speak(sentence);
}

/**
 * Fills a place with something that is fetched: while it is awaited it says so, and when it cannot
 * be had it says why, with a button to try again.
 * @template T
 * @param {Element} place
 * @param {() => Promise<T>} fetch
 * @param {(value: T) => unknown} show
 */
export async function load(place, fetch, show) {
  const waiting = setTimeout(() => {
    // What is there already stays until there is something newer.
    if (!place.firstChild || place.querySelector(":scope > .banner")) {
      fill(place, h("p.loading", null, "Loading…"));
    }
  }, 150);
  try {
    const value = await fetch();
    clearTimeout(waiting);
    await show(value);
  } catch (error) {
    clearTimeout(waiting);
    if (isAbort(error)) return;
    const sentence = error instanceof Error ? error.message : String(error);
    fill(
      place,
      h(
        "div.banner.error",
        { role: "alert" },
        icon("problems"),
        foreign(sentence, "p"),
        button("Try again", () => load(place, fetch, show), { icon: "retry" }),
      ),
    );
  }
}
