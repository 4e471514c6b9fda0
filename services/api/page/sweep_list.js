// The list of sweeps, newest first, or how to submit the first one.

import { h } from "./dom.js";
import { card } from "./sweep.js";

/** `filtered`: whether a filter is set; `most`: whether no more sweeps can be shown; `busy`: ids with a request under way. */
export function listView({ sweeps, next }, { filtered, most, chosen, busy }) {
  if (!sweeps.length) return filtered ? h("p", { class: "card empty" }, "No sweep matches the filters.") : welcome();
  return [
    h("div", { class: "list" }, sweeps.map((sweep) => card(sweep, sweep.id === chosen, busy.has(sweep.id)))),
    next && (most
      ? h("p", { class: "quiet" }, `The newest ${sweeps.length} sweeps. Filter by name to find others.`)
      : h("button", { type: "button", "data-more": "sweeps" }, "Show older sweeps")),
  ];
}

function welcome() {
  const curl = `curl -s ${location.origin}/v1/sweeps -H "Authorization: Bearer $CNNLAB_API_KEY" \\
     -H 'Content-Type: application/json' \\
     -d '{"name": "rates", "model": "lenet5", "data": "fashion-mnist-mini",
          "train": {"epochs": 2, "optimizer": "momentum"},
          "space": {"train.optimizer.lr": [0.01, 0.05, 0.1]}}'`;
  return h("div", { class: "card empty" },
    h("p", {}, "No sweeps yet. Submit one from a terminal:"),
    h("pre", {}, h("code", {}, "cnnlab submit examples/dropout-grid.yaml --watch")),
    h("p", {}, "or over HTTP:"),
    h("pre", {}, h("code", {}, curl)),
    h("p", { class: "quiet" }, "It will appear here at once."));
}
