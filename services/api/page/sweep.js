// A sweep in brief: its progress, its best point, why it waits, and what can be done with it.

import { draw, h, unbroken } from "./dom.js";
import { ago, duration, many, result } from "./format.js";

/** The parts of a progress bar from left to right. */
export const PARTS = ["succeeded", "pruned", "running", "queued", "waiting", "failed", "cancelled"];

export const STATES = ["active", "paused", "stopping", "cancelling", "succeeded", "partial", "failed", "cancelled"];
const OVER = new Set(["succeeded", "partial", "failed", "cancelled"]);
const VERBS = {
  active: ["pause", "stop", "cancel"],
  paused: ["resume", "stop", "cancel"],
  stopping: ["cancel"],
};
const VERB_TITLES = {
  pause: "Save checkpoints and release the devices; resume continues from there",
  resume: "Continue from where the sweep was paused",
  stop: "Finish running trials and start no others",
  cancel: "End the sweep now; results so far are kept",
  retry: "Run failed and cancelled trials again",
};

/** Whether the sweep has ended. */
export const isOver = (sweep) => OVER.has(sweep.state);

/** The verbs that a sweep's state allows. */
export function legal(sweep) {
  const unfinished = sweep.trials.failed + sweep.trials.cancelled > 0;
  const again = unfinished && (isOver(sweep) || sweep.state === "active") ? ["retry"] : [];
  return [...again, ...(VERBS[sweep.state] ?? [])];
}

/** A sweep as one entry of the list. */
export function card(sweep, chosen, busy) {
  return h("article", { class: `card sweep${chosen ? " chosen" : ""}`, "data-key": sweep.id },
    h("header", {},
      h("h3", {}, h("a", { href: `#sweep/${sweep.id}`, "aria-current": chosen && "true" }, sweep.name)),
      badge(sweep.state),
      h("p", { class: "quiet" }, `${sweep.project} · ${when(sweep)}`)),
    progress(sweep),
    bestView(sweep),
    waiting(sweep),
    h("footer", {}, verbs(sweep, busy), mlflow(sweep)));
}

export const badge = (state) => h("span", { class: `badge ${state}` }, state);

/** When it began or ended. */
export function when(sweep) {
  if (sweep.finished_at === null) {
    return sweep.started_at ? `started ${ago(sweep.started_at)}` : `submitted ${ago(sweep.created_at)}`;
  }
  const took = (Date.parse(sweep.finished_at) - Date.parse(sweep.started_at ?? sweep.created_at)) / 1000;
  return `ended ${ago(sweep.finished_at)}, took ${duration(took)}`;
}

/** Trials by state as a bar, with the counts as text. */
export function progress(sweep) {
  const { total } = sweep.trials;
  const there = PARTS.filter((part) => sweep.trials[part] > 0);
  const counts = there.map((part) => `${sweep.trials[part]} ${part}`).join(", ");
  let x = 0;
  const parts = there.map((part) => {
    const width = sweep.trials[part] / Math.max(1, total) * 1000;
    const rect = draw("rect", { class: `fill ${part}`, x, y: 0, width, height: 1, "data-key": part });
    x += width;
    return rect;
  });
  return h("div", { class: "progress" },
    draw("svg", { class: "bar", viewBox: "0 0 1000 1", preserveAspectRatio: "none", role: "img",
      "aria-label": `Of ${many(total, "trial")}: ${counts}` }, parts),
    h("div", { class: "counts" },
      h("ul", { class: "key" }, there.map((part) =>
        h("li", { "data-key": part },
          draw("svg", { class: "swatch", viewBox: "0 0 1 1", "aria-hidden": "true" },
            draw("rect", { class: `fill ${part}`, width: 1, height: 1 })),
          `${sweep.trials[part].toLocaleString("en")} ${part}`))),
      h("p", { class: "quiet" }, amount(sweep))));
}

function amount(sweep) {
  const { done, total } = sweep.epochs;
  const parts = [
    sweep.seeds > 1 ? `${many(sweep.points, "point")} × ${sweep.seeds} seeds` : many(sweep.trials.total, "trial"),
    `${done.toLocaleString("en")} of ${many(total, "epoch")}`,
  ];
  if (sweep.eta_seconds !== null) parts.push(`about ${duration(sweep.eta_seconds)} left`);
  if (sweep.price) parts.push(`device time of ${sweep.price.alone.toFixed(1)} trials trained one by one`);
  return parts.join(" · ");
}

/** The best point so far, and whether the next one is really worse. */
export function bestView(sweep) {
  const { metric, at } = sweep.objective;
  if (!sweep.best) {
    const why = isOver(sweep) ? "no trial has a value" : "no value yet";
    return h("p", { class: "best none" }, h("span", { class: "label" }, metric), why);
  }
  const { value, basis } = result(sweep.best);
  return h("div", { class: "best" },
    h("p", {},
      h("span", { class: "label", title: `each trial's ${at} value` }, metric),
      value !== null && h("strong", {}, value),
      h("span", { class: "quiet" }, value === null ? basis : `, ${basis}`)),
    h("p", { class: "winner" }, unbroken(sweep.best.label)),
    sweep.comparison && h("p", { class: `comparison ${answer(sweep.comparison)}` }, sweep.comparison.words));
}

const answer = ({ differs }) => (differs === null ? "unknown" : differs ? "differs" : "same");

/** Why the sweep waits. */
export function waiting(sweep) {
  return sweep.waiting_for && h("p", { class: "notice" }, sweep.waiting_for);
}

/** A button for each verb that the present state allows. */
export function verbs(sweep, busy) {
  const allowed = legal(sweep);
  return allowed.length > 0 && h("div", { class: "verbs" }, allowed.map((verb) =>
    h("button", { type: "button", "data-key": verb, "data-verb": verb, "data-sweep": sweep.id, title: VERB_TITLES[verb],
      class: verb === "cancel" && "grave", "aria-disabled": busy && "true", "aria-label": `${verb} ${sweep.name}` }, verb)));
}

/** The sweep's pages in MLflow: its saved view, if there is one, and the table of its trials. */
export function mlflow(sweep) {
  const { mlflow: view, mlflow_means: means, mlflow_table: table } = sweep.links;
  const links = [
    view !== table && link(view, "MLflow"),
    link(means, "means over seeds"),
    link(table, view === table ? "MLflow" : "table of trials"),
  ].filter(Boolean);
  return links.length > 0 && h("p", { class: "links" }, links, incomplete(sweep.mlflow));
}

/** How much MLflow has, as long as that is not all. */
function incomplete(there) {
  if (!there) return null;
  const parts = [
    there.runs < there.of && `${there.runs} of ${many(there.of, "run")} there yet`,
    there.left_out > 0 && `${many(there.left_out, "trial")} left out`,
  ].filter(Boolean);
  return parts.length > 0 && h("span", { class: "quiet", title: there.reason }, parts.join(", "));
}

/** A link out of the page; null unless the address is one of the web. */
export function link(address, text, label) {
  if (!address || !/^https?:/i.test(address)) return null;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer", "aria-label": label }, text);
}
