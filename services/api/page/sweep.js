// A sweep in brief: its progress, its best point, what holds it up, and what can be done with it.

import { draw, h, unbroken, whole } from "./dom.js";
import { ago, duration, many, result, since as lasting } from "./format.js";

/** The parts of a progress bar from left to right. */
export const PARTS = ["succeeded", "pruned", "running", "held", "queued", "pending", "failed", "cancelled"];

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

const INFORMATIVE = new Set(["compiler", "row-by-row", "mlflow"]); // kinds of blockers that stop no training
const OUTCOMES = { // by kind of failure: what became of the attempt
  spec: "could not be built", crashed: "crashed", memory: "ran out of memory", lost: "lost", host: "refused",
  damaged: "met a damaged checkpoint",
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
      h("h3", { dir: "auto" }, h("a", { href: `#sweep/${sweep.id}`, "aria-current": chosen && "true" }, whole(sweep.name))),
      badge(sweep),
      h("p", { class: "quiet" }, whole(`${sweep.project} · ${when(sweep)}`))),
    progress(sweep),
    bestView(sweep),
    holdUps(sweep),
    h("footer", {}, verbs(sweep, busy), mlflow(sweep)));
}

export const badge = (sweep) => [
  h("span", { class: `badge ${sweep.state}` }, sweep.state),
  blocked(sweep) && h("span", { class: "badge blocked" }, "blocked"),
];

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
      h("p", { class: "quiet" }, whole(amount(sweep)))));
}

/** What each point is multiplied by; empty where that is one trial. */
const repeats = ({ seeds, folds }) =>
  [seeds > 1 && `${seeds} seeds`, folds > 1 && `${folds} folds`].filter(Boolean).join(" × ");

function amount(sweep) {
  const { done, total } = sweep.epochs;
  const parts = [
    repeats(sweep) ? `${many(sweep.points, "point")} × ${repeats(sweep)}` : many(sweep.trials.total, "trial"),
    `${done.toLocaleString("en")} of ${many(total, "epoch")}`,
  ];
  if (sweep.reused > 0) parts.push(`${many(sweep.reused, "trial")} reused, ${many(sweep.epochs.reused, "epoch")}`);
  if (sweep.eta_seconds !== null) parts.push(`about ${duration(sweep.eta_seconds)} left`);
  if (sweep.cost) parts.push(`${sweep.cost.words} (estimated)`);
  if (sweep.ended_by) parts.push(`ended by ${sweep.ended_by.rule}: ${sweep.ended_by.reason}`);
  else if (sweep.stop.length) parts.push(`early stopping by ${sweep.stop.map(({ name }) => name).join(", ")}`);
  if (sweep.live_rows !== null && sweep.live_rows < 1) parts.push(`${(sweep.live_rows * 100).toFixed(1)} % of the trained rows held trials`);
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
    sweep.comparison && h("p", { class: `comparison ${answer(sweep.comparison)}` }, whole(sweep.comparison.words)));
}

const answer = ({ differs }) => (differs === null ? "unknown" : differs ? "differs" : "same");

/** What keeps the sweep from moving, since when and what to do, and what has set it back; in a list only the first reason. */
export function holdUps(sweep) {
  if (!sweep.blockers) return sweep.blocked_by && h("p", { class: "notice" }, whole(sweep.blocked_by));
  const named = ({ message }) => sweep.blockers.some((blocker) => blocker.message.includes(message));
  return [
    sweep.blockers.map(({ kind, message, since, remedy }) =>
      h("div", { class: INFORMATIVE.has(kind) ? "notice mild" : "notice", "data-key": `blocker ${kind}` },
        h("p", {}, whole(message)),
        h("p", {}, since && `for ${lasting(since)} · `, unquoted(remedy)))),
    sweep.setbacks.filter((setback) => !named(setback)).map(({ kind, attempts, at, message, then }) =>
      h("p", { class: "setback quiet", "data-key": `setback ${kind} ${message}` },
        whole(`${many(attempts, "attempt")} ${OUTCOMES[kind] ?? "failed"} ${ago(at)}: ${message}; ${then}`))),
  ];
}

/** Whether the sweep wants to run and does not move. */
const blocked = (sweep) => sweep.state === "active" && sweep.blocked_by !== null;

/** Text in which commands stand between backticks. */
function unquoted(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, whole(part)) : whole(part)));
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
    link(means, `means over ${sweep.folds > 1 ? "folds" : "seeds"}`),
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
