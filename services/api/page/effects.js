// What a sweep's axes do to its objective: figures drawn by the API, and how many trials they leave out.

import { ApiError, request } from "./api.js";
import { h, whole } from "./dom.js";
import { drawing } from "./figures.js";
import { isOver } from "./sweep.js";
import { many } from "./format.js";

const MIN_AGE_MS = 15000; // while trials end, figures are read again no sooner
const MAX_FITTED_AXES = 7;
const NOTHING = { of: null, at: 0, effects: null, figures: [] };
let kept = NOTHING; // of the sweep that was read last

/** Remove the figures that were kept. */
export function forgetEffects() {
  for (const { url } of kept.figures) URL.revokeObjectURL(url);
  kept = NOTHING;
}

/** The effects of a sweep and its figures, `{effects, figures}`; `chosen` has the axes of the heat map and the epoch, `{x, y, epoch}`. */
export async function readEffects(key, sweep, chosen) {
  const of = JSON.stringify([sweep.id, chosen]);
  const ended = JSON.stringify([of, sweep.trials.succeeded, sweep.trials.pruned, sweep.trials.failed]);
  if (ended === kept.ended || (of === kept.of && !isOver(sweep) && Date.now() - kept.at < MIN_AGE_MS)) return kept;
  const effects = await effectsOf(key, sweep, chosen);
  const read = effects ? await Promise.all(wanted(effects, chosen).map((each) => figure(key, sweep, each))) : [];
  forgetEffects();
  kept = { of, ended, at: Date.now(), effects, figures: read.filter(Boolean) };
  return kept;
}

/** Null if there is nothing to compare: one point, or none that has ended. */
async function effectsOf(key, sweep, { epoch }) {
  if (sweep.points < 2 || sweep.trials.succeeded + sweep.trials.pruned < sweep.seeds * sweep.folds) return null;
  try {
    return await request(key, `v1/sweeps/${encodeURIComponent(sweep.id)}/effects?${at(epoch)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return null;
    throw error;
  }
}

/** The parameter that chooses an epoch; none for the last one that all points have reached. */
function at(epoch) {
  return new URLSearchParams(epoch ? { epoch } : {});
}

function wanted({ axes }, { x, y, epoch }) {
  const known = axes.map(({ path }) => path);
  const query = at(epoch);
  if (known.includes(x)) query.set("x", x);
  if (known.includes(y) && y !== x) query.set("y", y);
  return [
    { name: "effects", title: "Effects with 95 % intervals", query: `?${at(epoch)}` },
    ...(axes.length > 1 ? [{ name: "heat-map", title: "Heat map of two axes", query: `?${query}` }] : []),
    { name: "parallel", title: "Parallel coordinates", query: `?${at(epoch)}` },
    { name: "history", title: "History of the best value" },
  ];
}

async function figure(key, sweep, { name, title, query = "" }) {
  const url = await drawing(key, `v1/sweeps/${encodeURIComponent(sweep.id)}/figures/${name}.svg${query}`);
  return url && { name, title, url };
}

/** The figures, one below the other, with the axes of the heat map to choose. */
export function effectsView({ effects, figures }, chosen) {
  const { words } = effects.left_out;
  return [
    h("p", { class: "quiet" }, whole(`${many(effects.points, "point")} compared `
      + `${effects.epoch === null ? "at their last epochs" : `at epoch ${effects.epoch}`}. `
      + (words ? `Trials left out: ${words}.` : "No trial is left out."))),
    effects.epochs.length > 1 && h("div", { class: "pick axes" }, epochPick(effects, chosen.epoch)),
    figures.map(({ name, title, url }) => h("figure", { "data-key": name },
      h("figcaption", {}, title),
      name === "heat-map" && effects.axes.length > 2 && h("div", { class: "pick axes" },
        axisPick("heat-x", "across", effects.axes, chosen.x), axisPick("heat-y", "down", effects.axes, chosen.y)),
      h("div", { class: fits(name, effects) ? "wide fitted" : "wide" }, h("img", { src: url, alt: altText(name, title, effects) })))),
  ];
}

/** Whether the texts of a figure can be read in the width of the panel; one with many axes is scrolled. */
function fits(name, { axes }) {
  return name !== "parallel" || axes.length <= MAX_FITTED_AXES;
}

/** The later the epoch, the fewer points early stopping has left, and those are the better ones. */
function epochPick({ epochs }, chosen) {
  return h("label", {}, "compared at ", h("select", { id: "effects-epoch" },
    h("option", { value: "", selected: !chosen }, "the last epoch that all have reached"),
    epochs.map(({ epoch, points }) => h("option", { value: epoch, selected: String(epoch) === chosen },
      `epoch ${epoch}: ${many(points, "point")}`))));
}

function axisPick(id, label, axes, chosen) {
  return h("label", {}, `${label} `, h("select", { id },
    h("option", { value: "", selected: !chosen }, "most important"),
    axes.map(({ path, name }) => h("option", { value: path, selected: path === chosen }, name))));
}

/** What a figure shows, for who cannot see it. */
function altText(name, title, { axes, words }) {
  if (name !== "effects") return title;
  const rows = axes.map((axis) => `${axis.name}: ${axis.levels.map(({ text, shown }) => `${text} ${shown ?? "–"}`).join(", ")}`);
  return `${title}, ${words}. ${rows.join(". ")}`;
}
