// @ts-check
/**
 * Text that others wrote: in a direction of its own, with what cannot be seen in it made visible.
 * A mark that turns the direction of what follows is shown and not obeyed, so that `exe.png` is no
 * longer what `\u202egnp.exe` looks like.
 */

import { h } from "./dom.js";
import { COLUMN_WIDTH } from "./measures.js";

/** @typedef {import("./dom.js").Child} Child */

/** What steers text without being seen, but for what joins signs: emoji and whole scripts need it. */
const UNSEEN =
  /([\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb])/;

/** @type {Record<string, string>} */
const MEANINGS = {
  "\u061c": "Arabic letter mark",
  "\u200b": "zero-width space",
  "\u200e": "left-to-right mark",
  "\u200f": "right-to-left mark",
  "\u202a": "left-to-right embedding",
  "\u202b": "right-to-left embedding",
  "\u202c": "end of a change of direction",
  "\u202d": "left-to-right override",
  "\u202e": "right-to-left override",
  "\u2066": "left-to-right isolate",
  "\u2067": "right-to-left isolate",
  "\u2068": "isolate",
  "\u2069": "end of an isolate",
};

/** @param {string} sign */
const code = (sign) =>
  `[U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;

/** @param {string} text @returns {Child[]} its pieces, with the marks in it as elements */
function pieces(text) {
  return text
    .split(UNSEEN)
    .map((piece, index) =>
      index % 2 === 0
        ? piece
        : h(
            "span.sign",
            { title: `${MEANINGS[piece] ?? "a sign that is not seen"}; it has no effect here` },
            code(piece),
          ),
    );
}

/** For where there is room for text alone, such as names of elements. @param {string} text */
export const plain = (text) =>
  text
    .split(UNSEEN)
    .map((piece, index) => (index % 2 === 0 ? piece : code(piece)))
    .join("");

/** The first sign of a name that is seen. @param {string} name */
export const firstSign = (name) => [...name.replace(new RegExp(UNSEEN, "g"), "").trim()][0] ?? "?";

/**
 * Text that somebody else wrote.
 * @param {string} text
 * @param {string} [spec]
 */
export function foreign(text, spec = "bdi") {
  return h(spec, { dir: "auto" }, ...pieces(text));
}

/**
 * A file path, which breaks after its separators and shows where it ends. Its parts stay in their
 * order, whatever the direction of each.
 * @param {string} path
 */
export function pathText(path) {
  return h(
    "bdi.path",
    { dir: "ltr" },
    ...path
      .split(/([/\\])/)
      .map((part, index) => (index % 2 ? [part, h("wbr")] : part && foreign(part))),
  );
}

/** How much of two lines is filled before a word no longer fits on the first. */
const FILLED = 0.8;

/** What a card leaves of its column for words: margins, padding and borders go. */
const line = () => Math.min(COLUMN_WIDTH, (innerWidth - 46) / 2) - 42;

const pen = document.createElement("canvas").getContext("2d");

/** @param {string} text */
function widthOf(text) {
  if (!pen) return 0;
  const { fontFamily, fontSize } = getComputedStyle(document.body);
  pen.font = `620 ${fontSize} ${fontFamily}`;
  return pen.measureText(text).width;
}

/**
 * A name on two lines, of which the end is seen however long it is: files are told apart by it.
 * @param {string} name
 * @param {string} spec
 */
export function nameText(name, spec) {
  const shown = plain(name);
  if (shown.length < 16 || widthOf(shown) <= 2 * line() * FILLED) return foreign(name, spec);
  const [start, end] = halves(name);
  return h(
    `${spec}.in-halves`,
    { title: shown },
    h("span.unseen", { dir: "auto" }, shown),
    h("span.start", { "aria-hidden": "true" }, foreign(start)),
    h("span.end", { "aria-hidden": "true" }, foreign(end)),
  );
}

/** Near its middle, between words where that can be. @param {string} name @returns {string[]} */
function halves(name) {
  const signs = [...name];
  const middle = Math.ceil(signs.length / 2);
  for (let away = 0; away <= 6; away += 1) {
    for (const at of [middle - away, middle + away]) {
      if (/[\s_.-]/.test(signs[at - 1])) return cut(signs, at);
    }
  }
  return cut(signs, middle);
}

/** @param {string[]} signs @param {number} at */
const cut = (signs, at) => [signs.slice(0, at).join(""), signs.slice(at).join("")];

/** A label of a list of choices, which has one line. @param {string} text */
export function short(text) {
  const signs = [...plain(text)];
  if (signs.length <= 48) return signs.join("");
  return `${signs.slice(0, 30).join("")}…${signs.slice(-16).join("")}`;
}
