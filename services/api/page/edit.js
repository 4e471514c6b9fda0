// The form for a sweep's name and description, and what a user is asked before the sweep is deleted.

import { h, whole } from "./dom.js";
import { many } from "./format.js";
import { isOver } from "./sweep.js";

const UNITS = ["B", "KiB", "MiB", "GiB"];

/** The form, and the button that deletes a sweep that is over; `editing` is `{id, busy, faults}` of the last try. */
export function editForm(sweep, editing) {
  const mine = editing.id === sweep.id ? editing : { busy: false, faults: [] };
  return [
    h("form", { class: "edit", "data-edit": sweep.id, "data-key": `edit ${sweep.id}` },
      h("label", { for: "new-name" }, "Name"),
      h("input", { id: "new-name", value: sweep.name, maxlength: 100, dir: "auto", autocomplete: "off", required: true }),
      h("label", { for: "new-description" }, "Description"),
      h("textarea", { id: "new-description", rows: 3, maxlength: 2000, dir: "auto" }, sweep.description),
      h("button", { type: "submit", "aria-disabled": mine.busy && "true" }, "Save"),
      h("ul", { class: "faults bad", role: "alert" }, mine.faults.map((fault) => h("li", {}, whole(fault))))),
    isOver(sweep) && h("div", { class: "verbs", "data-key": "delete" },
      h("button", { type: "button", class: "grave", "data-delete": sweep.id, "aria-disabled": mine.busy && "true" },
        "Delete sweep")),
  ];
}

/** What would go with a sweep, as a sentence. */
export function consequence({ trials, epochs, files, bytes, mlflow_runs: runs }) {
  return `${many(trials, "trial")} with ${many(epochs, "epoch")}, ${many(files, "file")} (${size(bytes)}) and `
    + `${many(runs, "run")} in MLflow are deleted. This cannot be taken back.`;
}

/** What a refusal says, each fault behind the field that it is about. */
export function faultsOf(error) {
  const faults = (error.errors ?? []).filter(({ pointer }) => pointer);
  if (!faults.length) return [error.message];
  return faults.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`);
}

function size(bytes) {
  let amount = bytes, unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) { amount /= 1024; unit += 1; }
  return `${amount.toLocaleString("en", { maximumSignificantDigits: 3 })} ${UNITS[unit]}`;
}
