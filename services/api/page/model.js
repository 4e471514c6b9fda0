// A trial's model: the button that downloads it, and the place where an image is dropped to be looked at.

import { h, whole } from "./dom.js";

const SHOWN = 5; // classes of an image

/** The part; `seeing` is `{id, busy, image, found, problem}` of the trial that was last asked. */
export function modelView(trial, seeing) {
  if (!trial.best_file) return h("p", { class: "quiet" }, "There is a model once the trial has ended well.");
  const mine = seeing.id === trial.id ? seeing : { busy: false, image: "", found: null, problem: "" };
  return h("div", { class: "model", "data-key": `model ${trial.id}` },
    h("p", { class: "quiet" }, "model.py for torch alone, its weights, model.onnx and a card."),
    h("button", { type: "button", "data-model": trial.id, "aria-disabled": mine.busy && "true" }, "Download"),
    h("label", { class: "drop", "data-drop": trial.id },
      "Drop an image here, or choose one",
      h("input", { type: "file", id: "image", accept: "image/png,image/jpeg,image/bmp,image/webp", "data-look": trial.id })),
    h("div", { role: "status" }, mine.busy ? h("p", { class: "quiet" }, "Working …") : outcome(mine)));
}

/** Save a blob as a file of this name, as a click on a link to it does. */
export function save(blob, name) {
  const link = h("a", { download: name });
  link.href = URL.createObjectURL(blob);
  link.click();
  URL.revokeObjectURL(link.href);
}

function outcome({ image, found, problem }) {
  if (problem) return h("p", { class: "bad" }, whole(problem));
  if (!found) return null;
  if (found.value !== null) return h("p", {}, h("strong", {}, found.value.toPrecision(6)), ` for ${image}`);
  return h("table", { class: "classes" },
    h("caption", {}, `What it sees in ${image}`),
    h("tbody", {}, found.classes.slice(0, SHOWN).map((each) => h("tr", { "data-key": each.index },
      h("th", { scope: "row" }, whole(each.name ?? `class ${each.index}`)),
      h("td", {}, each.probability === null ? `score ${each.score.toPrecision(3)}` : `${(100 * each.probability).toFixed(1)} %`)))));
}
