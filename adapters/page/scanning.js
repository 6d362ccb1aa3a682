// @ts-check
/** Looking for new model files: where it is looked, what was found, and files that have moved. */

import { editModel, readLibrary, scanFolders } from "./api.js";
import { button, fill, h } from "./dom.js";
import { count, some } from "./format.js";
import { icon } from "./icons.js";
import { attempt, load } from "./notices.js";
import { linkTo } from "./router.js";
import { foreign, pathText } from "./text.js";

/** @typedef {import("./api.js").ScanReport} ScanReport */

/** The button that leads to it. */
export const scanButton = () => button("Scan for new files", openScan, { icon: "search" });

function openScan() {
  const body = h("div.scan");
  const dialog = h(
    "dialog.dialog.small",
    { "aria-labelledby": "scan-title" },
    h(
      "div.dialog-body",
      null,
      h("h2", { id: "scan-title" }, "Scan for new files"),
      body,
      h(
        "div.actions",
        null,
        button("Close", () => dialog.close()),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  addEventListener("hashchange", () => dialog.close(), { once: true });
  document.body.append(dialog);
  dialog.showModal();
  load(body, () => readLibrary(), ({ folders }) => {
    fill(body, ...(folders.length === 0 ? unnamed() : chosen(folders, body)));
  });
}

function unnamed() {
  return [
    h(
      "p",
      null,
      "No model folders were named when the server was started. Name each with its type, such as:",
    ),
    h("p.command", null, h("code", { dir: "ltr" }, "reshelve serve --root loras=/models/loras …")),
  ];
}

/** @param {{type: string, folder: string}[]} folders @param {HTMLElement} body */
function chosen(folders, body) {
  return [
    h("p", null, "New files below these folders will wait for promotion. Nothing is moved."),
    h(
      "ul.folders",
      null,
      folders.map(({ type, folder }) =>
        h("li", null, h("strong", null, foreign(type)), " ", pathText(folder)),
      ),
    ),
    button("Scan now", () => scan(body), { look: "primary", icon: "search" }),
  ];
}

/** @param {HTMLElement} body */
function scan(body) {
  fill(body, h("p.loading", { role: "status" }, "Looking through the folders…"));
  load(body, scanFolders, (report) => {
    fill(body, ...found(report));
    dispatchEvent(new Event("library-changed"));
  });
}

/** @param {ScanReport} report */
function found({ scanned, added, moved }) {
  return [
    h(
      "p",
      { role: "status" },
      h("strong", null, some(scanned, "file")),
      ` looked at: ${count(added)} new, ${count(moved.length)} moved.`,
    ),
    added > 0 &&
      h(
        "p",
        null,
        h("a.button.primary", { href: linkTo("pending") }, "Look through what waits"),
      ),
    moved.length > 0 && h("h3", null, "Moved"),
    moved.length > 0 &&
      h("p.means", null, "Their content is in the library already, under a path that is gone."),
    moved.length > 0 && h("ul.moved", null, moved.map(move)),
  ];
}

/** @param {ScanReport["moved"][number]} one */
function move({ sha256, path, found: place }) {
  const take = button("Use the new path", async () => {
    take.disabled = true;
    if (await attempt(() => editModel(sha256, { path: place }))) {
      fill(item, icon("check"), " ", pathText(place));
      dispatchEvent(new Event("library-changed"));
    } else take.disabled = false;
  });
  const item = h("li", null, h("p", null, pathText(path), " is now ", pathText(place)), take);
  return item;
}
