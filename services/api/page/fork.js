// The form that forks a trial: new values by path, one a line, with what the service refuses beside it.

import { h, whole } from "./dom.js";

const EXAMPLE = "train.optimizer.lr = 0.01";

/** The form; `forking` is `{id, busy, faults}` of the trial that was last tried. */
export function forkForm(trial, forking) {
  const mine = forking.id === trial.id ? forking : { busy: false, faults: [] };
  return h("form", { class: "fork", "data-fork": trial.id, "data-key": `fork ${trial.id}` },
    h("p", { class: "quiet" }, "A new sweep of one trial that goes on from this trial's weights, at the end of its present epoch "
      + "or from its latest checkpoint, and trains the epochs that are left."),
    h("label", { for: "changes" }, "New values, one a line"),
    h("textarea", { id: "changes", rows: 3, placeholder: EXAMPLE, spellcheck: "false", autocomplete: "off" }),
    h("button", { type: "submit", "aria-disabled": mine.busy && "true" }, "Fork"),
    h("ul", { class: "faults bad", role: "alert" }, mine.faults.map((fault) => h("li", {}, whole(fault)))));
}

/** The values that a text of lines `path = value` names: JSON, or else text; an Error for any other line. */
export function changesIn(text) {
  const found = new Map();
  for (const line of text.split("\n").map((each) => each.trim()).filter(Boolean)) {
    const at = line.indexOf("=");
    const path = line.slice(0, Math.max(0, at)).trim();
    if (!path) throw new Error(`each line must be a path and a value, such as ${EXAMPLE}, got ${line}`);
    if (found.has(path)) throw new Error(`${path} is given twice`);
    found.set(path, valueOf(line.slice(at + 1).trim()));
  }
  return Object.fromEntries(found);
}

function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What a refusal says, each fault behind the path that it is about. */
export function faultsOf(error) {
  const faults = (error.errors ?? []).filter(({ pointer }) => pointer.startsWith("/set/"));
  if (!faults.length) return [error.message];
  return faults.map(({ pointer, detail }) =>
    `${pointer.slice("/set/".length).replaceAll("~1", "/").replaceAll("~0", "~")}: ${detail}`);
}
