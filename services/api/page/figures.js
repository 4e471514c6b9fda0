// Figures of a trial's best weights: drawn by the API, shown as images, which run nothing and load nothing.

import { ApiError, file } from "./api.js";
import { h } from "./dom.js";

const FIGURES = [["confusion", "Confusion matrix"], ["first-layer", "First layer"]];
let kept = { of: null, trial: null, figures: [] }; // of the trial that was read last

/** Remove the figures that were kept. */
export function forgetFigures() {
  for (const { url } of kept.figures) URL.revokeObjectURL(url);
  kept = { of: null, trial: null, figures: [] };
}

/** The figures of the first of these trials that has best weights: `{trial, figures}`. */
export async function readFigures(key, trials) {
  const trial = trials.find(({ best_file: weights }) => weights);
  const of = trial ? `${trial.id} ${trial.best_file}` : null;
  if (of === kept.of) return kept;
  const read = trial ? await Promise.all(FIGURES.map(([name, title]) => figure(key, trial, name, title))) : [];
  forgetFigures();
  kept = { of, trial, figures: read.filter(Boolean) };
  return kept;
}

async function figure(key, trial, name, title) {
  const url = await drawing(key, `v1/trials/${encodeURIComponent(trial.id)}/figures/${name}.svg`);
  return url && { name, title, url };
}

/** The address of a figure that is read from a path; null if there is none, as of a trial whose targets are numbers. */
export async function drawing(key, path) {
  try {
    return URL.createObjectURL(await file(key, path));
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return null;
    throw error;
  }
}

/** The figures side by side. */
export function figuresView({ trial, figures }) {
  return h("div", { class: "figures" }, figures.map(({ name, title, url }) =>
    h("img", { "data-key": name, src: url, alt: `${title} of trial ${trial.number}` })));
}
