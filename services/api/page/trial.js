// One trial in full detail: how far it is, where it comes from, its curve, and the form that forks it.

import { curvesView } from "./curves.js";
import { h, unbroken, whole } from "./dom.js";
import { forkForm } from "./fork.js";
import { measured } from "./format.js";
import { trialLineage } from "./lineage.js";
import { modelView } from "./model.js";
import { commandList, part } from "./part.js";
import { link } from "./sweep.js";

/** A trial's name within its sweep. */
export const trialName = (number) => `t${String(number).padStart(3, "0")}`;

/** The panel, from what `readTrial` has read. */
export function trialView({ trial, sweep }, { metric, width, forking, seeing }) {
  const group = { point: { point: trial.point, label: trial.label }, trials: [trial] };
  return h("div", { "data-key": trial.id, class: "stack" },
    h("a", { class: "back", href: `#sweep/${sweep.id}` }, "← ", whole(sweep.name)),
    h("article", { class: "card sweep whole" },
      h("header", {},
        h("h2", {}, `${trialName(trial.number)} of `, h("a", { href: `#sweep/${sweep.id}` }, whole(sweep.name))),
        h("span", { class: `badge ${trial.state}` }, trial.state),
        h("p", { class: "quiet" }, whole(progress(trial, sweep)), " · ", h("code", {}, trial.id))),
      h("div", { class: "best" },
        h("p", {}, h("span", { class: "label" }, sweep.objective.metric),
          trial.best ? [h("strong", {}, measured(trial.best.value)), h("span", { class: "quiet" }, ` in epoch ${trial.best.epoch}`)]
            : h("span", { class: "quiet" }, "no value yet")),
        h("p", { class: "winner" }, unbroken(trial.label))),
      trialLineage(trial),
      trial.failure && h("p", { class: "bad" }, whole(trial.failure.message ?? trial.failure.kind)),
      trial.stopped && h("p", { class: "quiet" }, whole(`Pruned by ${trial.stopped.rule}: ${trial.stopped.reason}`)),
      h("footer", {}, link(trial.links.mlflow, "MLflow"))),
    part("Learning curve", curvesView({ ...sweep, seeds: 1, folds: 1, classes_of_metrics: trial.classes_of_metrics }, [group], metric, width)),
    part("Model", modelView(trial, seeing)),
    part("Fork", forkForm(trial, forking)),
    part("In a terminal", commandList([`cnnlab show ${trial.id}`, `cnnlab trace ${trial.id}`,
      `cnnlab fork ${trial.id} --set train.optimizer.lr=0.01`,
      ...(trial.best_file ? [`cnnlab get ${trial.id} --to model`, `cnnlab predict ${trial.id} image.png`] : [])])));
}

function progress(trial, sweep) {
  const count = sweep.seeds * sweep.folds;
  const seed = count > 1 ? ` · replicate ${trial.replicate + 1} of ${count}` : "";
  const fold = trial.fold === null ? "" : ` · fold ${trial.fold}`;
  return `epoch ${trial.epoch} of ${trial.target_epoch} · point ${trial.point}${seed}${fold}`;
}
