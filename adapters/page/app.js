// @ts-check
/** The page as a whole: its frame, its views, and what all of them share. */

import { followConnection } from "./connection.js";
import { fill, h } from "./dom.js";
import { Live } from "./events.js";
import { Facts } from "./facts.js";
import { count, some } from "./format.js";
import { icon } from "./icons.js";
import { speak } from "./notices.js";
import { linkTo, whereabouts } from "./router.js";
import { inWords, isRunning, isUnfinished, percentOf } from "./runs.js";
import { pathText } from "./text.js";
import { libraryView } from "./views/library.js";
import { nowhereView } from "./views/nowhere.js";
import { pendingView } from "./views/pending.js";
import { problemsView } from "./views/problems.js";
import { progressView } from "./views/progress.js";
import { startView } from "./views/start.js";

/** @typedef {import("./api.js").RunStatus} RunStatus */

/** @type {import("./router.js").View[]} */
const VIEWS = [
  { name: "start", label: "Start", show: startView },
  { name: "progress", label: "Progress", show: progressView },
  { name: "pending", label: "Pending", show: pendingView },
  { name: "problems", label: "Problems", show: problemsView },
  { name: "library", label: "Library", show: libraryView },
];

/** @type {import("./router.js").View} */
const NOWHERE = { name: "nowhere", label: "No such view", show: nowhereView };

/** Addresses of a model, and the view that its details are shown over. @type {Record<string, string>} */
const MODELS = { model: "library", waiting: "pending" };

const live = new Live();
const facts = new Facts(live);
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** @type {Map<string, {link: HTMLElement, badge: HTMLElement}>} */
const tabs = new Map();
let leaving = new AbortController();
let shown = "";

function drawTabs() {
  const list = /** @type {HTMLElement} */ (document.getElementById("tabs"));
  for (const { name, label } of VIEWS) {
    const badge = h("span.badge");
    const link = h("a.tab", { href: linkTo(name) }, icon(name), h("span", null, label), badge);
    tabs.set(name, { link, badge });
    list.append(h("li", null, link));
  }
}

/** Where somebody who names no view wants to go. @param {RunStatus | null} status */
function home(status) {
  if (!status?.run) return "start";
  return isUnfinished(status) || status.run.kind === "legacy" ? "progress" : "library";
}

/** @param {boolean} moved whether somebody went here, rather than opened the page here */
function showView(moved) {
  const [name, ...rest] = whereabouts();
  const over = name !== undefined && Object.hasOwn(MODELS, name) ? MODELS[name] : null;
  const opened = over === null ? null : rest.shift() ?? null;
  const wanted = over ?? name ?? home(live.status);
  const view = VIEWS.find((known) => known.name === wanted) ?? NOWHERE;
  leaving.abort();
  leaving = new AbortController();
  document.documentElement.classList.remove("with-bar");
  main.replaceChildren();
  view.show({ root: main, signal: leaving.signal, rest, live, facts, opened });
  for (const [tab, { link }] of tabs) {
    if (tab === view.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (moved) {
    if (view.name !== shown) scrollTo({ top: 0, behavior: "instant" });
    /** @type {HTMLElement | null} */ (main.querySelector("h1"))?.focus({ preventScroll: true });
  }
  shown = view.name;
  nameWindow();
}

function nameWindow() {
  const { label } = VIEWS.find((view) => view.name === shown) ?? NOWHERE;
  const running = live.connected && live.status && isRunning(live.status);
  const percent = running && live.status ? `${percentOf(live.status)} % · ` : "";
  document.title = `${percent}${label} · reshelve`;
}

/** @param {string} name @param {string} text @param {string} [means] */
function setBadge(name, text, means = "") {
  const badge = tabs.get(name)?.badge;
  if (!badge || badge.dataset.text === text) return;
  badge.dataset.text = text;
  fill(
    badge,
    text && h("span", { "aria-hidden": "true" }, text),
    text && h("span.unseen", null, ` (${means})`),
  );
}

/** @param {RunStatus} status */
function tellTabs(status) {
  const running = isRunning(status);
  const unfinished = isUnfinished(status) && !running;
  setBadge(
    "progress",
    running ? `${percentOf(status)}%` : unfinished ? "!" : "",
    running ? `running, ${percentOf(status)} percent` : "not finished",
  );
  nameWindow();
}

/** @param {import("./api.js").LibraryFacts} library */
function tellLibrary({ path, version, models, pending, conflicts, failed, warnings }) {
  const problems = failed + warnings;
  setBadge(
    "pending",
    pending ? count(pending) : "",
    `${count(pending)} waiting, ${count(conflicts)} in conflict`,
  );
  setBadge(
    "problems",
    problems ? count(problems) : "",
    `${count(failed)} failed, ${some(warnings, "warning")}`,
  );
  tabs.get("problems")?.badge.classList.toggle("bad", failed > 0);
  setBadge("library", models ? count(models) : "", some(models, "model"));
  const foot = /** @type {HTMLElement} */ (document.getElementById("rail-foot"));
  if (foot.dataset.of === path + version) return;
  foot.dataset.of = path + version;
  fill(
    foot,
    h(
      "p.rail-library",
      null,
      h("span", null, "Library"),
      pathText(path),
    ),
    h("p", null, h("a", { href: "/api/schema" }, "Routes"), ` · ${version}`),
  );
}

function followRuns() {
  let words = "";
  live.addEventListener("status", () => {
    const { status } = live;
    if (!status) return;
    const now = `${status.run?.id} ${status.run?.status}`;
    tellTabs(status);
    if (now === words) return;
    if (words) speak(inWords(status));
    words = now;
  });
}

/** The address's `#` names views, so this link cannot use it. */
function mendSkipping() {
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
}

drawTabs();
mendSkipping();
followConnection(live, facts);
followRuns();
live.addEventListener("connection", nameWindow);
facts.addEventListener("facts", () => facts.library && tellLibrary(facts.library));
live.follow();
facts.refresh();
addEventListener("hashchange", () => showView(true));
if (whereabouts().length > 0) showView(false);
else live.addEventListener("status", () => shown || showView(false), { once: true });
