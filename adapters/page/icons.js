// @ts-check
/**
 * The pictures of the page: one path each, drawn as lines in a square of 24. They are made in the
 * document rather than loaded, because browsers do not agree under which policy a drawing may be
 * loaded for a part of it.
 */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
const PATHS = {
  start: "M12 3v11m0 0 4-4m-4 4-4-4M4 15v3a3 3 0 0 0 3 3h10a3 3 0 0 0 3-3v-3",
  progress: "M3 12h4l3-8 4 16 3-8h4",
  pending: "M3 12a9 9 0 1 0 18 0a9 9 0 1 0 -18 0 M12 7v5l3 2",
  problems: "M12 4 2.8 19.5h18.4L12 4Zm0 6v4m0 2.8v.2",
  library: "M5 4v16M10 4v16M14.5 4.7l4.6 14.9M3 20h18",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "m6 6 12 12M18 6 6 18",
  dots: "M6 12h.01M12 12h.01M18 12h.01",
  search: "M4.5 11a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0 -13 0M16 16l4.5 4.5",
  edit: "M4 20h4L19.5 8.5a2.1 2.1 0 0 0 -3 -3L5 17v3M14.5 7.5l3 3",
  tag: "M4 4h7l9 9-7 7-9-9V4M8 8h.01",
  copy: "M9 9h11v11H9zM6 15H4V4h11v2",
  download: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
  retry: "M20 12a8 8 0 1 1-2.5-5.8M20 3.5v4h-4",
  play: "M8 5.5v13l10.5-6.5L8 5.5Z",
  stop: "M7 5h10a2 2 0 0 1 2 2v10a2 2 0 0 1 -2 2h-10a2 2 0 0 1 -2 -2v-10a2 2 0 0 1 2 -2",
  info: "M3 12a9 9 0 1 0 18 0a9 9 0 1 0 -18 0 M12 11v5m0-8.5v.2",
  forward: "M4 12h15m0 0-5.5-5.5M19 12l-5.5 5.5",
  shelf: "M4 5h16v14H4zM4 12h16M8 5v4m4-4v7m-4 7v-4m8 4v-5",
};

/**
 * A picture by its name, which says nothing to a screen reader.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
