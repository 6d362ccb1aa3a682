// @ts-check
/** Reading an OpenAPI document: its routes in groups, what a shape is made of, and an example. */

/** @typedef {any} Shape a JSON schema, as the document has it */
/**
 * @typedef {{name: string, where: string, required: boolean, shape: Shape}} Parameter
 * @typedef {{status: number, description: string, media: string | null, shape: Shape | null}} Answer
 * @typedef {{method: string, path: string, anchor: string, description: string,
 *   parameters: Parameter[], answers: Answer[],
 *   body: {media: string, shape: Shape, required: boolean} | null}} Route
 */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** @type {Record<string, any>} */
const PLAIN = { string: "…", integer: 0, number: 0, boolean: true };

/** How deep an example goes, where shapes hold each other. */
const DEEPEST = 6;

/**
 * The routes by the first word of their path, in the order of the document.
 * @param {any} document_
 * @returns {{name: string, routes: Route[]}[]}
 */
export function groupsOf(document_) {
  /** @type {Map<string, Route[]>} */
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    const word = path.split("/")[2] ?? "";
    const name = word.split("_")[0].replace(/^./, (letter) => letter.toUpperCase());
    for (const method of METHODS) {
      if (!methods[method]) continue;
      groups.set(name, [...(groups.get(name) ?? []), routeOf(path, method, methods[method])]);
    }
  }
  return [...groups].map(([name, routes]) => ({ name, routes }));
}

/** @param {string} path @param {string} method @param {any} told @returns {Route} */
function routeOf(path, method, told) {
  const [body] = Object.entries(told.requestBody?.content ?? {});
  return {
    method,
    path,
    anchor: `${method}${path.replace(/[^a-z0-9]+/gi, "-")}`,
    description: told.description ?? "",
    parameters: (told.parameters ?? []).map((/** @type {any} */ one) => ({
      name: one.name,
      where: one.in,
      required: Boolean(one.required),
      shape: one.schema,
    })),
    body: body
      ? { media: body[0], shape: body[1].schema, required: Boolean(told.requestBody.required) }
      : null,
    answers: Object.entries(told.responses ?? {}).map(([status, answer]) => {
      const [content] = Object.entries(answer.content ?? {});
      return {
        status: Number(status),
        description: answer.description ?? "",
        media: content?.[0] ?? null,
        shape: content?.[1].schema ?? null,
      };
    }),
  };
}

/**
 * What a reference leads to; anything else is itself.
 * @param {Shape} shape
 * @param {any} document_
 */
function resolve(shape, document_) {
  const name = shape?.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : shape;
}

/** The shapes that a value may have. @param {Shape} shape */
const choices = (shape) => shape?.oneOf ?? shape?.anyOf ?? null;

/**
 * The shape below lists and null, where there is one with fields.
 * @param {Shape} shape
 * @param {any} document_
 * @returns {Shape | null}
 */
export function refersTo(shape, document_) {
  const found = resolve(shape, document_);
  if (found?.properties) return found;
  if (found?.type === "array") return refersTo(found.items, document_);
  for (const choice of choices(found) ?? []) {
    const inner = refersTo(choice, document_);
    if (inner) return inner;
  }
  return null;
}

/**
 * The fields of a shape.
 * @param {Shape} shape
 * @param {any} document_
 * @returns {{name: string, required: boolean, shape: Shape, description: string}[]}
 */
export function partsOf(shape, document_) {
  const found = refersTo(shape, document_);
  if (!found) return [];
  const required = new Set(found.required ?? []);
  return Object.entries(found.properties).map(([name, inner]) => ({
    name,
    required: required.has(name),
    shape: inner,
    description: inner.description ?? "",
  }));
}

/**
 * What a value is, in words.
 * @param {Shape} shape
 * @param {any} document_
 * @returns {string}
 */
export function kindOf(shape, document_) {
  const found = resolve(shape, document_);
  if (!found) return "anything";
  const several = choices(found);
  if (several)
    return several.map((/** @type {Shape} */ one) => kindOf(one, document_)).join(" or ");
  if (found.enum)
    return found.enum.map((/** @type {any} */ value) => JSON.stringify(value)).join(" | ");
  if (found.type === "array") return `list of ${kindOf(found.items, document_)}`;
  if (Array.isArray(found.type)) return found.type.join(" or ");
  if (found.properties) return found.title ?? "object";
  return found.type ?? "anything";
}

/**
 * A value of a shape.
 * @param {Shape} shape
 * @param {any} document_
 * @param {number} [depth]
 * @returns {any}
 */
export function sampleOf(shape, document_, depth = 0) {
  const found = resolve(shape, document_);
  if (!found || depth > DEEPEST) return null;
  if ("example" in found) return found.example;
  if (found.examples?.length > 0) return found.examples[0];
  if ("default" in found && found.default !== null) return found.default;
  if (found.enum) return found.enum[0];
  const several = choices(found);
  if (several) return sampleOf(several[0], document_, depth + 1);
  if (found.properties) {
    return Object.fromEntries(
      Object.entries(found.properties).map(([name, inner]) => [
        name,
        sampleOf(inner, document_, depth + 1),
      ]),
    );
  }
  if (found.type === "array") return [sampleOf(found.items, document_, depth + 1)];
  return PLAIN[found.type] ?? null;
}
