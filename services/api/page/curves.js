// Learning curves of the best points as a chart: thin lines for trials, thick ones for their mean over seeds.

import { draw, h, unbroken } from "./dom.js";
import { many, measured, number } from "./format.js";

const HEIGHT = 260, LEFT = 52, RIGHT = 14, TOP = 12, BOTTOM = 34; // px

/** How many points are drawn, and how many trials of each: more would only hide the best. */
export const drawnPoints = (sweep) => (sweep.seeds * sweep.folds > 1 ? 3 : 5);
export const DRAWN_TRIALS = 5;

/** `groups`: one per point, `{point, trials}`, each trial with its curve. */
export function curvesView(sweep, groups, chosen, width) {
  const names = metrics(groups, sweep.objective.metric);
  if (!names.length) return h("p", { class: "quiet" }, "No epochs have been reported yet.");
  const metric = names.includes(chosen) ? chosen : names[0];
  const lines = groups.map(({ point, trials }) => ({
    point, lines: trials.map((trial) => line(trial, metric)).filter((each) => each.length),
  }));
  return [
    h("label", { class: "pick" }, "Metric ", h("select", { id: "metric" },
      names.map((name) => h("option", { value: name, selected: name === metric }, titled(name, sweep))))),
    chart(lines, metric, titled(metric, sweep), width),
    h("ol", { class: "lines" }, lines.map(({ point }, index) =>
      h("li", { "data-key": point.point }, h("span", { class: `curve c${index + 1}` }, index + 1),
        h("span", {}, unbroken(point.label))))),
    sweep.seeds * sweep.folds > 1 && h("p", { class: "quiet" }, "Thin lines are single trials. Thick lines are their means, up to the last epoch that all of them have."),
  ];
}

/** A metric's name, with that of the class whose images it is of. */
function titled(metric, { classes_of_metrics: classes }) {
  const of = classes[metric.split("/").at(-1)];
  return of ? `${metric} (${of})` : metric;
}

function metrics(groups, first) {
  const names = new Set();
  for (const { trials } of groups) for (const { curve } of trials) {
    for (const at of curve) for (const name of Object.keys(at.metrics)) names.add(name);
  }
  const rest = [...names].filter((name) => name !== first).sort();
  return names.has(first) ? [first, ...rest] : rest;
}

/** A trial's finite values as [epoch, value]. */
function line(trial, metric) {
  return trial.curve
    .map(({ epoch, metrics: all }) => [epoch, all[metric]])
    .filter(([, value]) => typeof value === "number");
}

/** The mean over trials at the epochs that each of them has a value of. */
function mean(lines) {
  const sums = new Map();
  for (const each of lines) for (const [epoch, value] of each) {
    const [count, sum] = sums.get(epoch) ?? [0, 0];
    sums.set(epoch, [count + 1, sum + value]);
  }
  return [...sums].filter(([, [count]]) => count === lines.length)
    .map(([epoch, [count, sum]]) => [epoch, sum / count]).sort(([a], [b]) => a - b);
}

function chart(groups, metric, title, width) {
  const all = groups.flatMap(({ lines }) => lines.flat());
  if (!all.length) return h("p", { class: "quiet" }, `${title} has no finite values.`);
  const last = Math.max(...all.map(([epoch]) => epoch));
  const ys = ticks(Math.min(...all.map(([, value]) => value)), Math.max(...all.map(([, value]) => value)), 5);
  const [low, high] = [ys[0], ys.at(-1)];
  const x = (epoch) => round(LEFT + (last === 1 ? 0.5 : (epoch - 1) / (last - 1)) * (width - LEFT - RIGHT));
  const y = (value) => round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM));
  const xs = [...new Set(ticks(1, last, width < 480 ? 4 : 8).map(Math.round))].filter((at) => at >= 1 && at <= last);
  const path = (line) => line.map(([epoch, value], index) => `${index ? "L" : "M"}${x(epoch)} ${y(value)}`).join("");
  const count = groups.reduce((sum, { lines }) => sum + lines.length, 0);
  return draw("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
    "aria-label": `${title} over ${many(last, "epoch")} of ${many(count, "trial")}, ${lastValues(groups, metric)}` },
    ys.map((at) => [
      draw("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }),
      draw("text", { class: "tick", x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, number(at)),
    ]),
    xs.map((at) => draw("text", { class: "tick", x: x(at), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, at)),
    draw("text", { class: "tick", x: width - RIGHT, y: HEIGHT - 2, "text-anchor": "end" }, "epoch"),
    // The best is drawn last, so that it lies on top.
    groups.map(({ lines }, index) => draw("g", { class: `c${index + 1}` },
      lines.map((each) => [
        draw("path", { class: lines.length > 1 ? "thin" : "thick", d: path(each) }),
        each.length === 1 && draw("circle", { cx: x(each[0][0]), cy: y(each[0][1]), r: 3 }),
      ]),
      lines.length > 1 && draw("path", { class: "thick", d: path(mean(lines)) }))).reverse());
}

function lastValues(groups, metric) {
  const ends = groups.flatMap(({ lines }, index) => {
    const end = mean(lines).at(-1);
    return end ? [`number ${index + 1} ends at ${measured(end[1])}`] : [];
  });
  return ends.join(", ") || metric;
}

const round = (value) => Math.round(value * 10) / 10;

/** About this many round numbers that span an interval. */
function ticks(low, high, count) {
  if (low === high) [low, high] = low === 0 ? [-1, 1] : [low - Math.abs(low) / 10, high + Math.abs(high) / 10];
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough);
  const first = Math.floor(low / step), end = Math.ceil(high / step - 1e-9);
  return Array.from({ length: end - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}
