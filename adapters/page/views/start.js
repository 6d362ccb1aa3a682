// @ts-check
/** Start: where the legacy library lies, what was found there, and the button that begins. */

import { ApiError, checkSource, startRun } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, count, some } from "../format.js";
import { icon } from "../icons.js";
import { attempt } from "../notices.js";
import { Offered } from "../offered.js";
import { goTo, linkTo } from "../router.js";
import { isRunning, isUnfinished, percentOf, runTitle } from "../runs.js";
import { foreign, pathText } from "../text.js";

/** @typedef {import("../api.js").Check} Check */

/** How long somebody has to pause in typing before the path is looked at. */
const PAUSE = 250;

const JOINS = /** @type {const} */ ([
  ["merge", "Join them, and keep what the first one says"],
  ["override", "Join them, and keep what the last one says"],
  ["ignore", "Keep the first one, and leave the other as it is"],
]);

/** @param {import("../router.js").Place} place */
export function startView({ root, signal, live }) {
  const unfinished = h("div");
  const database = h("input", {
    id: "database",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
    placeholder: "~/ComfyUI/custom_nodes/…/data/hikaze_mm.sqlite3",
    "aria-describedby": "database-hint",
    required: true,
  });
  const images = h("input", {
    id: "images",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
    placeholder: "the folder “images” beside the database",
    "aria-describedby": "images-hint",
  });
  const joins = h(
    "select",
    { id: "joins" },
    JOINS.map(([value, label]) => h("option", { value }, label)),
  );
  const facts = h("div.facts", { "aria-live": "polite" });
  const begin = h(
    "button.button.primary.large",
    { type: "submit", disabled: true },
    h("span", null, "Start migration"),
    icon("forward"),
  );

  const take = (/** @type {string} */ path) => {
    database.value = path;
    look();
  };
  const found = new Offered("Found on the server’s machine", take);
  const several = new Offered("Take one of them", take);

  const source = () => ({
    legacy_db_path: database.value.trim(),
    ...(images.value.trim() && { legacy_images_dir: images.value.trim() }),
    on_conflict: joins.value,
  });

  const form = h(
    "form.start-form",
    { novalidate: true },
    h(
      "div.field",
      null,
      h("label", { for: "database" }, "Legacy database"),
      database,
      h(
        "p.hint",
        { id: "database-hint" },
        "The file ",
        h("code", null, "hikaze_mm.sqlite3"),
        " of Hikaze Model Manager 1, or a folder to look for it in, such as ComfyUI’s. It is only " +
          "read, never changed.",
      ),
      found.element,
    ),
    h(
      "div.field",
      null,
      h("label", { for: "images" }, "Image folder ", h("span.optional", null, "optional")),
      images,
      h("p.hint", { id: "images-hint" }, "Where the old manager keeps its previews."),
    ),
    h(
      "details.more",
      null,
      h("summary", null, "When two models have the same content"),
      h("div.field", null, h("label.unseen", { for: "joins" }, "Two models of one content"), joins),
    ),
    facts,
    h("div.actions", null, begin),
  );
  form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (begin.disabled) return;
    begin.disabled = true;
    const started = await attempt(() => live.ask(() => startRun(source())));
    begin.disabled = false;
    if (started) goTo("progress");
  });

  let asking = new AbortController();
  /** @type {number | undefined} */
  let timer;
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    asking.abort();
  });
  const look = () => {
    clearTimeout(timer);
    asking.abort();
    begin.disabled = true;
    found.mark(database.value.trim());
    facts.classList.add("stale");
    if (!database.value.trim()) {
      facts.classList.remove("stale");
      fill(facts, introduction());
      return;
    }
    timer = setTimeout(check, PAUSE);
  };
  const check = async () => {
    asking = new AbortController();
    const current = asking;
    try {
      const survey = await checkSource(source(), current.signal);
      fill(facts, checklist(survey));
      begin.disabled = !survey.can_start;
    } catch (error) {
      if (current.signal.aborted) return;
      const sentence = error instanceof Error ? error.message : String(error);
      fill(facts, h("ul.checklist", null, fact("bad", foreign(sentence, "span"))));
      if (error instanceof ApiError && error.code === "several_databases") {
        await several.find(current.signal, database.value.trim());
        facts.append(several.element);
      }
    }
    facts.classList.remove("stale");
  };
  database.addEventListener("input", look);
  images.addEventListener("input", look);

  fill(
    root,
    h(
      "div.narrow",
      null,
      h(
        "header.view-head",
        null,
        h("h1", { tabIndex: -1 }, "Bring your models along"),
        h(
          "p.lead",
          null,
          "From Hikaze Model Manager 1 to version 2: names, tags, notes, prompts " +
            "and previews. You can stop at any moment and go on later.",
        ),
      ),
      unfinished,
      h("section.panel", { "aria-label": "The library to migrate" }, form),
      steps(),
    ),
  );
  look();
  found.find(signal);

  live.watch((status) => {
    if (!isUnfinished(status) || !status.run) {
      fill(unfinished);
      return;
    }
    const running = isRunning(status);
    if (unfinished.dataset.run === `${status.run.id} ${running}` && unfinished.firstChild) return;
    unfinished.dataset.run = `${status.run.id} ${running}`;
    const what = runTitle(status.run);
    fill(
      unfinished,
      h(
        "div.banner.calm",
        null,
        icon("progress"),
        h(
          "p",
          null,
          h("strong", null, running ? `${what} is under way.` : `${what} is not finished.`),
          running
            ? " One run goes on at a time; you can watch it."
            : ` It stands at ${percentOf(status)} percent, and nothing of that is lost.`,
        ),
        h("a.button.primary", { href: linkTo("progress") }, running ? "Watch it" : "Go on with it"),
      ),
    );
  }, signal);
}

function steps() {
  return h(
    "ol.steps",
    null,
    [
      ["Move", "Models whose content is known become active, with their previews in three sizes."],
      ["Promote", "The others wait. You choose which of them are read, and when."],
      ["Decide", "Where two have the same content, you see both and say what becomes of them."],
    ].map(([title, words]) => h("li", null, h("h2", null, title), h("p.means", null, words))),
  );
}

function introduction() {
  return h(
    "ul.checklist.quiet",
    null,
    fact(
      "none",
      "Type or paste the path above. What is found there is listed here before " +
        "anything begins.",
    ),
  );
}

/**
 * @param {"good" | "bad" | "note" | "none"} kind
 * @param {...import("../dom.js").Child} words
 */
function fact(kind, ...words) {
  const pictures = { good: "check", bad: "cross", note: "info", none: "dots" };
  const spoken = { good: "Good: ", bad: "Problem: ", note: "Note: ", none: "" };
  return h(
    `li.fact.${kind}`,
    null,
    icon(pictures[kind]),
    h("div", null, h("span.unseen", null, spoken[kind]), ...words),
  );
}

/** @param {Check} found */
function checklist({ database, images, space }) {
  const atLeast = database.complete ? "" : "at least ";
  const facts = [];
  if (database.error) {
    facts.push(fact("bad", foreign(database.error.message, "span")));
  } else if (!database.found) {
    facts.push(fact("bad", "There is no file at ", pathText(database.path), "."));
  } else {
    facts.push(fact("good", "Database found", small(pathText(database.path))));
    facts.push(
      database.readable === false
        ? fact("bad", "It cannot be read.")
        : database.rows === null
          ? fact("note", "It is large: its rows are counted on the way.")
          : fact(
              "good",
              h("strong", null, some(database.rows, "model")),
              " in it",
              small(
                `${atLeast}${count(database.hashed)} with a known content, which become active; ` +
                  `${atLeast}${count(database.unhashed)} without, which wait for promotion`,
              ),
            ),
    );
    facts.push(...imageFacts(images, `${atLeast}${some(database.images, "image")}`));
  }
  if (database.found && database.readable !== false) facts.push(spaceFact(space));
  return h("ul.checklist", null, facts);
}

/** @param {Check["images"]} images @param {string} named */
function imageFacts(images, named) {
  if (!images.found) {
    return [
      fact("note", `No image folder; ${named} named by the models`, small(pathText(images.path))),
    ];
  }
  if (!images.readable)
    return [fact("note", "The image folder cannot be read", small(pathText(images.path)))];
  if (images.missing) {
    return [
      fact(
        "note",
        h("strong", null, named),
        " named, ",
        h("strong", null, count(images.missing)),
        " of them missing",
        small(pathText(images.path)),
      ),
    ];
  }
  return [fact("good", h("strong", null, named), small(pathText(images.path)))];
}

/** @param {Check["space"]} space */
function spaceFact({ needed_bytes: needed, free_bytes: free, enough }) {
  return fact(
    enough ? "good" : "bad",
    enough ? "Room enough: " : "Not enough room: ",
    h("strong", null, `about ${bytes(needed)}`),
    " needed, ",
    h("strong", null, bytes(free)),
    " free",
  );
}

/** @param {...import("../dom.js").Child} words */
function small(...words) {
  return h("span.small", null, ...words);
}
