// @ts-check
/** The page that shows the OpenAPI document: every route, what it takes and what it answers. */

import { fill, h } from "./dom.js";
import { load } from "./notices.js";
import { groupsOf, kindOf, partsOf, refersTo, sampleOf } from "./openapi.js";

/** @typedef {import("./openapi.js").Shape} Shape */
/** @typedef {import("./openapi.js").Route} Route */
/** @typedef {import("./openapi.js").Answer} Answer */

/** How deep fields of fields are listed; deeper ones are in the example. */
const DEEPEST = 2;

async function readDocument() {
  const answer = await fetch("/api/schema/openapi.json");
  if (!answer.ok) throw new Error(`The server answered ${answer.status} instead of its document.`);
  return answer.json();
}

/** @param {any} document_ */
function show(document_) {
  const groups = groupsOf(document_);
  const contents = /** @type {HTMLElement} */ (document.getElementById("contents"));
  fill(
    contents,
    groups
      .map(({ name, routes }) => [
        h("h2", null, name),
        h(
          "ul",
          null,
          routes.map((route) =>
            h(
              "li",
              null,
              h(
                "a",
                { href: `#${route.anchor}` },
                method(route.method),
                h("span", null, tail(route.path)),
              ),
            ),
          ),
        ),
      ])
      .flat(),
  );
  const place = /** @type {HTMLElement} */ (document.getElementById("routes"));
  fill(
    place,
    groups.map(({ name, routes }) =>
      h(
        "section.group",
        { "aria-label": name },
        h("h2", null, name),
        routes.map((route) => routeCard(route, document_)),
      ),
    ),
  );
  openWanted();
  document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
}

/** Opens the route that the address names. */
function openWanted() {
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted instanceof HTMLDetailsElement) wanted.open = true;
}

/** @param {string} path */
const tail = (path) => path.replace(/^\/api\//, "");

/** @param {string} name */
const method = (name) => h(`span.method.${name}`, null, name.toUpperCase());

/** @param {Route} route @param {any} document_ */
function routeCard(route, document_) {
  const body = h("div");
  const card = h(
    "details.panel.route",
    { id: route.anchor },
    h(
      "summary",
      null,
      h("h3", null, method(route.method), h("code", null, route.path)),
      route.description && h("p.means", null, route.description),
    ),
    body,
  );
  card.addEventListener("toggle", () => fill(body, routeParts(route, document_)), { once: true });
  return card;
}

/** What a route takes and answers. @param {Route} route @param {any} document_ */
function routeParts(route, document_) {
  const good = route.answers.filter(({ status }) => status < 400);
  const refusals = route.answers.filter(({ status }) => status >= 400);
  return [
    route.parameters.length > 0 &&
      h(
        "div",
        null,
        h("h4", null, "Parameters"),
        h(
          "dl.fields",
          null,
          route.parameters.map(({ name, where, required, shape }) =>
            h(
              "div",
              null,
              h("dt", null, h("code", null, name), required && h("span.must", null, "required")),
              h("dd", null, `${kindOf(shape, document_)}, in the ${where}`),
            ),
          ),
        ),
      ),
    route.body && bodyPart(route.body, document_),
    ...good.map((answer) => answerPart(answer, document_)),
    refusals.length > 0 &&
      h(
        "details.refusals",
        null,
        h("summary", null, `Refusals: ${refusals.map(({ status }) => status).join(", ")}`),
        h(
          "dl.fields",
          null,
          refusals.map(({ status, description }) =>
            h("div", null, h("dt", null, h("code", null, status)), h("dd", null, description)),
          ),
        ),
      ),
  ];
}

/** @param {{media: string, shape: Shape, required: boolean}} body @param {any} document_ */
function bodyPart({ media, shape, required }, document_) {
  return h(
    "div",
    null,
    h("h4", null, `Body${required ? "" : ", optional"} `, h("code", null, media)),
    fields(shape, document_, 0),
    media.includes("json") && example(shape, document_),
  );
}

/** @param {Answer} answer @param {any} document_ */
function answerPart({ status, description, media, shape }, document_) {
  return h(
    "div",
    null,
    h("h4", null, `Answer ${status} `, media && h("code", null, media)),
    description && h("p.means", null, description),
    shape && [fields(shape, document_, 0), media?.includes("json") && example(shape, document_)],
  );
}

/** @param {Shape} shape @param {any} document_ @param {number} depth @returns {any} */
function fields(shape, document_, depth) {
  const parts = partsOf(shape, document_);
  if (parts.length === 0 || depth >= DEEPEST) return null;
  return h(
    "dl.fields",
    null,
    parts.map(({ name, required, shape: inner, description }) =>
      h(
        "div",
        null,
        h(
          "dt",
          null,
          h("code", null, name),
          required && depth === 0 && h("span.must", null, "required"),
        ),
        h(
          "dd",
          null,
          kindOf(inner, document_),
          description && h("span.means", null, ` ${description}`),
          refersTo(inner, document_) && fields(inner, document_, depth + 1),
        ),
      ),
    ),
  );
}

/** @param {Shape} shape @param {any} document_ */
function example(shape, document_) {
  const text = JSON.stringify(sampleOf(shape, document_), null, 2);
  return h(
    "details.example",
    null,
    h("summary", null, "Example"),
    h("pre", { tabIndex: 0 }, h("code", null, text)),
  );
}

const place = /** @type {HTMLElement} */ (document.getElementById("routes"));
load(place, readDocument, show);
addEventListener("hashchange", openWanted);
