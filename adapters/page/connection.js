// @ts-check
/**
 * When the server is not there: since when, how it is started again, and that what is still shown is
 * of that time. A server that asks for a token again, as each new one does, is told apart.
 */

import { ApiError, readStatus } from "./api.js";
import { button, fill, h } from "./dom.js";
import { time } from "./format.js";
import { copy } from "./copying.js";
import { icon } from "./icons.js";
import { plain } from "./text.js";

/** @typedef {import("./events.js").Live} Live */
/** @typedef {import("./facts.js").Facts} Facts */

/** What a shell takes as it stands. */
const BARE = /^[\w@%+=:,./~-]+$/;

const USUAL_PORT = "8189";

/** @param {Live} live @param {Facts} facts */
export function followConnection(live, facts) {
  const place = /** @type {HTMLElement} */ (document.getElementById("connection"));
  live.addEventListener("connection", () => {
    document.documentElement.classList.toggle("offline", !live.connected);
    place.classList.toggle("lost", !live.connected);
    if (live.connected) {
      fill(place);
      return;
    }
    fill(place, ...gone(live.seen, facts.library?.path));
  });
  let known = false;
  live.addEventListener("refused", async () => {
    if (known || !(await asksForToken()) || live.connected) return;
    known = true;
    fill(place, ...locked());
  });
}

async function asksForToken() {
  try {
    await readStatus();
    return false;
  } catch (error) {
    return error instanceof ApiError && error.status === 401;
  }
}

/** @param {number | null} seen @param {string | undefined} library */
function gone(seen, library) {
  const command = library ? startCommand(library) : null;
  return [
    h(
      "p.lost-head",
      null,
      icon("problems"),
      h("strong", null, "Connection lost, trying again…"),
      " ",
      h("span", null, seen === null ? "" : `Last seen at ${time(seen)}.`),
    ),
    h(
      "p",
      null,
      "What is shown is of that time. Nothing that was done is lost, and this page finds the server " +
        "again by itself.",
      command && " If it was stopped, start it again with the command that you began it with, such as:",
    ),
    command &&
      h("p.command", null, h("code", { dir: "ltr" }, plain(command)), copy(command, "command")),
  ];
}

function locked() {
  return [
    h("p.lost-head", null, icon("problems"), h("strong", null, "Your session has ended.")),
    h("p", null, "The server is there, and asks for its token again."),
    button("Enter the token", () => location.reload(), { look: "primary" }),
  ];
}

/** How a server like this one is started. @param {string} library */
function startCommand(library) {
  const { hostname, port } = location;
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  return [
    `reshelve serve --library ${quoted(library)}`,
    port !== USUAL_PORT && `--port ${port || "80"}`,
    !local && `--host ${hostname} --token FILE`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** As a shell takes it: Windows knows no other quotes. @param {string} path */
function quoted(path) {
  if (BARE.test(path)) return path;
  if (/^[A-Za-z]:|^\\\\/.test(path)) return `"${path}"`;
  return `'${path.replaceAll("'", "'\\''")}'`;
}
