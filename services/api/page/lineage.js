// Where sweeps and trials come from, and what was forked from a trial: sentences with links to the others.

import { h, whole } from "./dom.js";
import { many } from "./format.js";

/** A link to a trial's panel. */
export const trialLink = (id, text = id) => h("a", { href: `#trial/${id}` }, text);

/** A link to a sweep's panel. */
const sweepLink = (id) => h("a", { href: `#sweep/${id}` }, id);

/** What a sweep continues, what its trial was forked from, and which sweeps have trained others of its trials. */
export function sweepLineage(sweep) {
  return list([
    sweep.extends && ["Continues sweep ", sweepLink(sweep.extends), "."],
    sweep.forked_from && forkedFrom(sweep.forked_from),
    ...sweep.reused_from.map(({ sweep: id, trials, epochs }) =>
      [`${many(trials, "trial")} reused from sweep `, sweepLink(id), `, ${many(epochs, "epoch")}.`]),
  ]);
}

/** What a trial was forked from, whose epochs it has reused, and its own forks. */
export function trialLineage(trial) {
  return list([
    trial.forked_from && forkedFrom(trial.forked_from),
    trial.reused_from && reusedFrom(trial),
    ...trial.forks.map((fork) => [
      "Forked as ", trialLink(fork.trial),
      fork.start_epoch === null ? ", which waits for its next epoch" : ` after epoch ${fork.start_epoch}`,
      `: ${fork.state}, epoch ${fork.epoch} of ${fork.target_epoch}.`,
    ]),
  ]);
}

function list(sentences) {
  const said = sentences.filter(Boolean);
  return said.length > 0 && h("ul", { class: "lineage quiet" }, said.map((each) => h("li", {}, each)));
}

function forkedFrom({ trial, epoch, changed }) {
  const values = Object.entries(changed).map(([path, value]) => `${path} ${shown(value)}`).join(", ");
  return [
    "Goes on from trial ", trialLink(trial), epoch === null ? " after its present epoch" : ` after its epoch ${epoch}`,
    ", with ", whole(values || "the same values"), ".",
  ];
}

function reusedFrom({ reused_from: source, reused_epochs: epochs, target_epoch: target }) {
  const all = epochs === target;
  return [
    all ? `Reused: all ${many(epochs, "epoch")} from trial ` : `Reused: the first ${many(epochs, "epoch")} from trial `,
    trialLink(source), all ? "." : ", whose checkpoint it goes on from.",
  ];
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
