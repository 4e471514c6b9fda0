// The first page: what it knows, when it asks again, and what it does on a click.

import { ask, Away, listen, Refusal } from "./api.js";
import { detailView } from "./detail.js";
import { h, show } from "./dom.js";
import * as keys from "./api_key.js";
import { forgetCurves, readSweep } from "./sweep_reader.js";
import { card, STATES } from "./sweep.js";
import { workersView } from "./workers.js";

const OFTEN = 2000, SELDOM = 6000, LONGEST = 15000; // ms between two looks: by itself, beside events, while away
const PAGE = 20, MOST = 200; // sweeps shown, and at most
const POINTS = 10; // shown at first, and more at each click

const at = (id) => document.getElementById(id);
const state = {
  list: null, workers: null, found: null, // as last read
  sweeps: PAGE, points: POINTS, metric: null,
  busy: new Set(), // sweeps of which a verb is on its way
  away: null, live: false, wait: OFTEN,
};
let timer = null, reading = false, again = false, stream = null, lastEvent = null, noEvents = false;

// ---- what is read

async function read() {
  const key = keys.known();
  const filter = new URLSearchParams({ limit: String(state.sweeps) });
  if (at("name").value.trim()) filter.set("name", at("name").value.trim());
  if (at("state").value) filter.set("state", at("state").value);
  const id = chosen();
  const [list, workers, found] = await Promise.all([
    ask(key, `v1/sweeps?${filter}`),
    ask(key, "v1/workers"),
    id === null ? null : readSweep(key, id, state.points),
  ]);
  if (key !== keys.known()) return;
  Object.assign(state, { list, workers, away: null, wait: state.live ? SELDOM : OFTEN });
  if (id === chosen()) state.found = found;
}

/** Read, show, and come back; what a second caller asks for meanwhile is read right after. */
async function refresh() {
  clearTimeout(timer);
  if (keys.known() === null) return askForKey();
  if (reading) { again = true; return; }
  reading = true;
  try {
    await read();
  } catch (error) {
    failed(error);
  } finally {
    reading = false;
  }
  if (keys.known() === null) return;
  render();
  if (again) { again = false; refresh(); return; }
  if (!document.hidden) timer = setTimeout(refresh, state.wait);
}

function failed(error) {
  if (error instanceof Refusal && error.status === 401) {
    keys.forget();
    askForKey(`${error.message.split(";")[0]}.`); // what follows is for programs
  } else if (error instanceof Away) {
    state.wait = state.away === null ? OFTEN : Math.min(LONGEST, state.wait * 1.5);
    state.away = error.message;
  } else if (error instanceof Refusal) {
    complain(error.message);
  } else {
    throw error;
  }
}

// ---- events: they say that something changed, and the page then reads it

async function follow() {
  if (stream || noEvents || document.hidden || keys.known() === null) return;
  const mine = stream = new AbortController();
  try {
    await listen(keys.known(), lastEvent, mine.signal, () => { state.live = true; soon(); }, (id) => {
      lastEvent = id ?? lastEvent;
      soon();
    });
  } catch (error) {
    noEvents = error instanceof Refusal && error.status === 404; // looking every two seconds will do
  }
  if (mine === stream) stream = null;
  state.live = false;
  if (mine.signal.aborted) return;
  soon(); // the API may be away
  setTimeout(follow, OFTEN);
}

let planned = null;
function soon() {
  planned ??= setTimeout(() => { planned = null; refresh(); }, 400);
}

function leave() {
  stream?.abort();
  stream = null;
}

// ---- what is shown

const chosen = () => {
  const found = /^#sweep\/([\w-]+)$/.exec(location.hash);
  return found ? found[1] : null;
};

function render() {
  const { list, workers, found } = state;
  renderStatus();
  at("key").hidden = true;
  at("main").hidden = at("forget").hidden = false;
  document.body.classList.toggle("one", chosen() !== null);
  document.body.classList.toggle("stale", state.away !== null);
  if (workers) show(at("workers"), workersView(workers));
  if (list) show(at("sweeps"), listView(list));
  show(at("detail"), chosen() !== null && panel(found));
  document.title = chosen() !== null && found?.sweep ? `${found.sweep.name} · cnnlab` : "cnnlab";
}

function renderStatus() {
  const words = state.away !== null ? `${state.away}; trying again` : state.live ? "live" : "every 2 s";
  show(at("status"), h("span", { class: `dot ${state.away !== null ? "gone" : "busy"}`, "aria-hidden": "true" }), words);
}

function listView({ sweeps, next }) {
  const filtered = Boolean(at("name").value.trim() || at("state").value);
  at("filters").hidden = !filtered && sweeps.length < 2;
  if (!sweeps.length) return filtered ? h("p", { class: "card empty" }, "No sweep is like that.") : welcome();
  return [
    h("div", { class: "list" }, sweeps.map((sweep) => card(sweep, sweep.id === chosen(), state.busy.has(sweep.id)))),
    next && (state.sweeps < MOST
      ? h("button", { type: "button", "data-more": "sweeps" }, "Show older sweeps")
      : h("p", { class: "quiet" }, `The newest ${MOST}; name a part of the name to find others.`)),
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
    h("p", { class: "quiet" }, "It appears here at once."));
}

function panel(found) {
  if (found?.sweep?.id === chosen()) {
    const width = Math.max(280, Math.min(900, at("detail").clientWidth - 34));
    return detailView(found, { busy: state.busy.has(found.sweep.id), metric: state.metric, width });
  }
  return h("div", { class: "stack" }, h("a", { class: "back", href: "#" }, "← All sweeps"),
    h("p", { class: "card empty" }, found?.missing ?? "Reading …"));
}

function askForKey(words = "") {
  leave();
  Object.assign(state, { list: null, workers: null, found: null, away: null });
  forgetCurves();
  at("main").hidden = at("forget").hidden = true;
  at("key").hidden = false;
  show(at("refused"), words);
  show(at("status"));
  at("typed").focus();
}

function complain(words) {
  show(at("alert"), words && h("p", { class: "notice" }, words, " ",
    h("button", { type: "button", class: "plain", "data-close": true }, "Close")));
}

// ---- what a person does

async function act(verb, id) {
  if (state.busy.has(id) || (verb === "cancel" && !await sure(id))) return;
  state.busy.add(id);
  render();
  try {
    await ask(keys.known(), `v1/sweeps/${id}/${verb}`, "POST");
    complain("");
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) failed(error);
    else complain(error.message);
  }
  state.busy.delete(id);
  await refresh();
}

/** Ask before something that cannot be taken back. */
function sure(id) {
  const sweep = [state.found?.sweep, ...(state.list?.sweeps ?? [])].find((each) => each?.id === id);
  show(at("question"), `Cancel ${sweep?.name ?? id}?`);
  show(at("consequence"), "What runs ends within seconds, what waits never starts. Results so far stay.");
  const dialog = at("ask");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    show(button, "Copied");
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling); // to be copied by hand
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("button");
  if (!button) return;
  const { verb, sweep, more } = button.dataset;
  if (verb) act(verb, sweep);
  else if ("copy" in button.dataset) copy(button);
  else if ("close" in button.dataset) complain("");
  else if (more === "sweeps") { state.sweeps = Math.min(MOST, state.sweeps + PAGE); refresh(); }
  else if (more === "points") { state.points += 3 * POINTS; refresh(); }
});
document.addEventListener("change", ({ target }) => {
  if (target.id === "metric") { state.metric = target.value; render(); }
});
at("key").addEventListener("submit", (event) => {
  event.preventDefault();
  keys.keep(at("typed").value);
  at("typed").value = "";
  begin();
});
at("forget").addEventListener("click", () => { keys.forget(); askForKey(); });
for (const id of ["name", "state"]) at(id).addEventListener("input", () => { state.sweeps = PAGE; soon(); });
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : begin()));
window.addEventListener("hashchange", () => {
  if (keys.takeFromAddress()) return begin();
  Object.assign(state, { points: POINTS, metric: null });
  if (keys.known() !== null) {
    render();
    if (chosen() !== null) at("detail").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  return refresh();
});
new ResizeObserver(() => { if (state.found && keys.known() !== null) render(); }).observe(at("main"));

function begin() {
  refresh();
  follow();
}

at("state").append(...STATES.map((each) => h("option", { value: each }, each)));
keys.takeFromAddress();
begin();
