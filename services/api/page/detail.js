// One sweep in full detail: progress, leaderboard, curves, failures, and commands for a terminal.

import { curvesView } from "./curves.js";
import { h, whole } from "./dom.js";
import { editForm } from "./edit.js";
import { effectsView } from "./effects.js";
import { figuresView } from "./figures.js";
import { leaderboard } from "./leaderboard.js";
import { sweepLineage } from "./lineage.js";
import { commandList, part } from "./part.js";
import { badge, bestView, holdUps, mlflow, progress, verbs, when } from "./sweep.js";
import { many } from "./format.js";

/** The panel, from what `readSweep` has read. */
export function detailView({ sweep, board, groups, failed, figures, effects }, { busy, metric, width, heat, editing }) {
  return h("div", { "data-key": sweep.id, class: "stack" },
    h("a", { class: "back", href: "#" }, "← All sweeps"),
    h("article", { class: "card sweep whole" },
      h("header", {},
        h("h2", { dir: "auto" }, whole(sweep.name)),
        badge(sweep),
        h("p", { class: "quiet" }, whole(`${sweep.project} · ${when(sweep)} · `), h("code", {}, sweep.id))),
      sweep.description && h("p", { class: "description", dir: "auto" }, whole(sweep.description)),
      progress(sweep),
      bestView(sweep),
      dataView(sweep),
      sweepLineage(sweep),
      holdUps(sweep),
      h("footer", {}, verbs(sweep, busy), mlflow(sweep))),
    failed.length > 0 && part("Failures", failuresView(sweep, failed)),
    part("Leaderboard", leaderboard(sweep, board, groups.length)),
    part("Learning curves of the best points", curvesView(sweep, groups, metric, width)),
    effects.figures.length > 0 && part("What the axes do", effectsView(effects, heat)),
    figures.figures.length > 0 && part("Best weights of the best point", figuresView(figures)),
    part("Name and description", editForm(sweep, editing)),
    part("In a terminal", commands(sweep, effects)));
}

/** What to read about the images, and what the classes are called. */
function dataView({ data_notes: notes, class_names: names }) {
  const lines = [...notes.map((note) => `Data: ${note}.`), ...names.map((each) => `Classes: ${each.join(", ")}.`)];
  return lines.map((line) => h("p", { class: "quiet data", "data-key": line }, whole(line)));
}

/** Failed trials, grouped by their message. */
function failuresView(sweep, failed) {
  const byMessage = new Map();
  for (const trial of failed) {
    const message = failureText(trial.failure);
    byMessage.set(message, [...(byMessage.get(message) ?? []), trial]);
  }
  const most = [...byMessage].sort(([, a], [, b]) => b.length - a.length);
  return [
    h("ul", { class: "failures" }, most.map(([message, trials]) => h("li", { "data-key": message },
      h("p", { class: "bad" }, whole(message)),
      h("p", { class: "quiet" }, `${many(trials.length, "trial")}: ${trials.slice(0, 12).map((trial) =>
        `t${String(trial.number).padStart(3, "0")}`).join(", ")}${trials.length > 12 ? ", …" : ""}`)))),
    failed.length < sweep.trials.failed
      && h("p", { class: "quiet" }, `Showing ${failed.length} of ${sweep.trials.failed} failed trials.`),
  ];
}

function failureText(failure) {
  if (!failure) return "no reason was recorded";
  return [failure.kind, failure.message].filter(Boolean).join(": ");
}

function commands(sweep, effects) {
  const lines = [
    `cnnlab watch ${sweep.id}`,
    `cnnlab show ${sweep.id}`,
    ...(effects.effects ? [`cnnlab effects ${sweep.id}`] : []),
    ...(sweep.best ? [`cnnlab best ${sweep.id} --yaml > best.yaml`] : []),
    `cnnlab export ${sweep.id} --what trials --format csv -o trials.csv`,
  ];
  return commandList(lines);
}

