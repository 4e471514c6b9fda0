// The points of a sweep, best first: values, mean, 95 % interval on a common scale, and the trials behind it.

import { draw, h, unbroken } from "./dom.js";
import { many, measured, result } from "./format.js";
import { trialLink } from "./lineage.js";

const WIDTH = 140, HEIGHT = 18, EDGE = 6; // of an interval's drawing, in px

/** The table; `drawn` says how many of the first points have a curve of their colour. */
export function leaderboard(sweep, board, drawn) {
  const { points } = board;
  if (!points.length) return h("p", { class: "quiet" }, "No trial has begun.");
  const scale = scaleOf(points);
  const results = points.map(result);
  // What is true of every point is said once.
  const shared = results.every(({ basis }) => basis === results[0].basis) ? results[0].basis : null;
  const cell = (role, kind, label, ...inside) => h("td", { role, class: kind, "data-label": label }, inside);
  return [
    h("div", { class: "wide" }, h("table", { class: "board", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        h("th", { role: "columnheader", scope: "col" }, "#"),
        points[0].cells.map(({ path, name }) => h("th", { role: "columnheader", scope: "col", title: path }, name)),
        h("th", { role: "columnheader", scope: "col", class: "number" }, sweep.objective.metric,
          shared && h("small", {}, shared)),
        h("th", { role: "columnheader", scope: "col" }, scale ? scaleView(scale) : "95 % interval"),
        h("th", { role: "columnheader", scope: "col" }, sweep.folds > 1 ? "folds" : sweep.seeds > 1 ? "seeds" : "trial"))),
      h("tbody", { role: "rowgroup" }, points.map((point, index) => {
        const { value: told, basis } = results[index];
        return h("tr", { role: "row", "data-key": point.point },
          cell("cell", "rank", null, h("span", { class: index < drawn ? `curve c${index + 1}` : "curve" }, index + 1)),
          point.cells.map(({ name, text }) => cell("cell", "value", name, unbroken(text ?? "–"))),
          cell("cell", "number result", null, told ?? "–", !shared && h("small", {}, basis)),
          cell("cell", "interval", null, scale && interval(point, scale)),
          cell("cell", "seeds", null, trials(sweep, point)));
      })))),
    shared && h("p", { class: "quiet shared" }, shared),
    board.next && h("button", { type: "button", "data-more": "points" }, "Show more points"),
  ];
}

/** How many of a trial's epochs another one has trained. */
const reused = ({ reused_from: source, reused_epochs: epochs }) =>
  (source ? `, ${many(epochs, "epoch")} reused from ${source}` : "");

/** The trials of a point, each linked to its panel, with the one whose epochs it has. */
function trials(sweep, point) {
  const one = sweep.seeds * sweep.folds === 1;
  return h("span", { class: "trials" }, point.trials.map((trial) => {
    const name = one ? `t${String(trial.number).padStart(3, "0")}` : String(trial.replicate + 1);
    const value = trial.value === null ? "" : `, ${measured(trial.value)}`;
    const fold = trial.fold === null ? "" : `, fold ${trial.fold}`;
    const label = `trial ${trial.number}${fold}, ${trial.state}${value}${reused(trial)}`;
    return [
      h("a", { href: `#trial/${trial.id}`, "aria-label": label, title: label }, name),
      trial.reused_from && h("small", { class: "reused" }, "from ", trialLink(trial.reused_from)),
    ];
  }));
}

/** From the lowest to the highest end among these points, with some air. */
function scaleOf(points) {
  const ends = points.flatMap(({ mean, low, high }) => [mean, low, high]).filter((end) => end !== null);
  const low = Math.min(...ends), high = Math.max(...ends);
  return ends.length > 1 && high > low ? { low, high } : null;
}

const place = (scale, at) => EDGE + (at - scale.low) / (scale.high - scale.low) * (WIDTH - 2 * EDGE);

function scaleView(scale) {
  return h("span", { class: "scale", title: "95 % interval of the mean over seeds or folds" },
    h("span", {}, measured(scale.low)), h("span", { class: "unseen" }, " to "), h("span", {}, measured(scale.high)));
}

function interval(point, scale) {
  if (point.mean === null) return null;
  const y = HEIGHT / 2;
  const [low, high] = [point.low ?? point.mean, point.high ?? point.mean].map((end) => place(scale, end));
  return draw("svg", { class: "whisker", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    "aria-hidden": "true" },
    draw("line", { class: "ground", x1: 0, x2: WIDTH, y1: y, y2: y }),
    point.low !== null && draw("path", { d: `M${low} ${y - 4}v8M${low} ${y}H${high}M${high} ${y - 4}v8` }),
    draw("circle", { cx: place(scale, point.mean), cy: y, r: 3.5, class: point.low === null && "open" }));
}
