// The web page: what it has read, what it shows of that, and what a click or a key does.

import { ApiError, MODEL_MS, file, request, sendFile } from "./api.js";
import * as apiKey from "./api_key.js";
import { detailView } from "./detail.js";
import { h, update } from "./dom.js";
import { consequence, faultsOf as editFaults } from "./edit.js";
import { changesIn, faultsOf } from "./fork.js";
import { save } from "./model.js";
import { Refresher } from "./refresh.js";
import { STATES } from "./sweep.js";
import { listView } from "./sweep_list.js";
import { forgetCurves, readSweep, readTrial } from "./sweep_reader.js";
import { trialName, trialView } from "./trial.js";
import { workersView } from "./workers.js";

const SWEEPS_PER_CLICK = 20, MAX_SWEEPS = 200;
const FIRST_POINTS = 10, POINTS_PER_CLICK = 30;

const byId = (id) => document.getElementById(id);
const state = {
  list: null, workers: null, detail: null, // as last read
  sweeps: SWEEPS_PER_CLICK, points: FIRST_POINTS, metric: null, heat: { x: "", y: "", epoch: "" }, // what the user wants to see
  busy: new Set(), // ids of sweeps for which a request is under way
  seeing: { id: null, busy: false, image: "", found: null, problem: "" }, // the trial whose model was last asked
  editing: { id: null, busy: false, faults: [] }, // the sweep that was last to be changed, and what was refused
  forking: { id: null, busy: false, faults: [] }, // the trial that was last to be forked, and what was refused
};
const refresher = new Refresher({ read, render, onError, onNoKey: () => askForKey() });

// ---- what is read

async function read() {
  const key = apiKey.get();
  const filter = new URLSearchParams({ limit: String(state.sweeps) });
  if (byId("name").value.trim()) filter.set("name", byId("name").value.trim());
  if (byId("state").value) filter.set("state", byId("state").value);
  const id = chosenId(), trialId = chosenTrialId();
  const [list, workers, detail] = await Promise.all([
    request(key, `v1/sweeps?${filter}`),
    request(key, "v1/workers"),
    trialId !== null ? readTrial(key, trialId) : id === null ? null : readSweep(key, id, state.points, state.heat),
  ]);
  if (key !== apiKey.get()) return;
  Object.assign(state, { list, workers });
  if (id === chosenId() && trialId === chosenTrialId()) state.detail = detail;
}

function onError(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401) {
    apiKey.forget();
    askForKey(`${error.message.split(";")[0]}.`); // the rest is for programs
  } else {
    showAlert(error.message);
  }
}

// ---- what is shown

/** The id of the sweep that the address names, or null. */
function chosenId() {
  const match = /^#sweep\/([\w-]+)$/.exec(location.hash);
  return match ? match[1] : null;
}

/** The id of the trial that the address names, or null. */
function chosenTrialId() {
  const match = /^#trial\/([\w-]+)$/.exec(location.hash);
  return match ? match[1] : null;
}

const isPanelOpen = () => chosenId() !== null || chosenTrialId() !== null;

function render() {
  const { list, workers, detail } = state;
  renderStatus();
  byId("key").hidden = true;
  byId("main").hidden = byId("forget").hidden = false;
  document.body.classList.toggle("one", isPanelOpen());
  document.body.classList.toggle("stale", refresher.outage !== null);
  if (workers) update(byId("workers"), workersView(workers));
  if (list) renderList(list);
  update(byId("detail"), isPanelOpen() && panel(detail));
  const name = detail?.trial ? `${trialName(detail.trial.number)} of ${detail.sweep.name}` : detail?.sweep?.name;
  document.title = isPanelOpen() && name ? `${name} · cnnlab` : "cnnlab";
}

function renderStatus() {
  const { outage, live } = refresher;
  const text = outage !== null ? `${outage}; trying again` : live ? "live" : "updated every 2 s";
  update(byId("status"), h("span", { class: `dot ${outage !== null ? "gone" : "busy"}`, "aria-hidden": "true" }), text);
}

function renderList(list) {
  const filtered = Boolean(byId("name").value.trim() || byId("state").value);
  byId("filters").hidden = !filtered && list.sweeps.length < 2;
  update(byId("sweeps"), listView(list, {
    filtered, most: state.sweeps >= MAX_SWEEPS, chosen: chosenId(), busy: state.busy,
  }));
}

function panel(detail) {
  const width = Math.max(280, Math.min(900, byId("detail").clientWidth - 34));
  if (detail?.trial && detail.trial.id === chosenTrialId()) {
    return trialView(detail, { metric: state.metric, width, forking: state.forking, seeing: state.seeing });
  }
  if (detail?.board && detail.sweep.id === chosenId()) {
    return detailView(detail, { busy: state.busy.has(detail.sweep.id), metric: state.metric, heat: state.heat, width, editing: state.editing });
  }
  return h("div", { class: "stack" }, h("a", { class: "back", href: "#" }, "← All sweeps"),
    h("p", { class: "card empty" }, detail?.missing ?? "Loading …"));
}

function askForKey(problem = "") {
  refresher.stop();
  refresher.outage = null;
  Object.assign(state, { list: null, workers: null, detail: null });
  forgetCurves();
  byId("main").hidden = byId("forget").hidden = true;
  byId("key").hidden = false;
  update(byId("refused"), problem);
  update(byId("status"));
  byId("typed").focus();
}

function showAlert(message) {
  update(byId("alert"), message && h("p", { class: "notice" }, message, " ",
    h("button", { type: "button", class: "plain", "data-close": true }, "Close")));
}

// ---- what a user does

/** Pause, resume, stop, cancel or retry a sweep. */
async function act(verb, id) {
  if (state.busy.has(id) || (verb === "cancel" && !await confirmCancel(id))) return;
  state.busy.add(id);
  render();
  try {
    await request(apiKey.get(), `v1/sweeps/${id}/${verb}`, "POST");
    showAlert("");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) onError(error);
    else showAlert(error.message);
  }
  state.busy.delete(id);
  await refresher.refresh();
}

/** Fork a trial with the values that its form names, and show the new sweep. */
async function fork(id) {
  if (state.forking.busy) return;
  state.forking = { id, busy: true, faults: [] };
  render();
  try {
    const changes = changesIn(byId("changes").value);
    const made = await request(apiKey.get(), `v1/trials/${encodeURIComponent(id)}/fork`, "POST", { set: changes });
    state.forking = { id: null, busy: false, faults: [] };
    location.hash = `#sweep/${made.id}`;
  } catch (error) {
    state.forking = { id, busy: false, faults: faultsOf(error) };
    if (error instanceof ApiError && error.status === 401) onError(error);
    else render();
  }
}

/** Download a trial's model. */
async function download(id) {
  await withModel(id, "", async (key, path) => {
    save(await file(key, `${path}/model`, MODEL_MS), `${id}.zip`);
    return null;
  });
}

/** Ask a trial's model about an image. */
async function look(id, image) {
  if (image) await withModel(id, image.name, (key, path) => sendFile(key, `${path}/predict`, image));
}

/** Do something with a trial's model, one thing at a time, and show what it found or why it was refused. */
async function withModel(id, image, work) {
  if (state.seeing.busy) return;
  const seen = { id, busy: false, image, found: null, problem: "" };
  state.seeing = { ...seen, busy: true };
  render();
  try {
    state.seeing = { ...seen, found: await work(apiKey.get(), `v1/trials/${encodeURIComponent(id)}`) };
  } catch (error) {
    state.seeing = { ...seen, problem: error.message };
    if (error instanceof ApiError && error.status === 401) return onError(error);
  }
  render();
}

/** Give a sweep the name and the description that its form has. */
async function edit(id) {
  if (state.editing.busy) return;
  const body = { name: byId("new-name").value, description: byId("new-description").value };
  await whileEditing(id, () => request(apiKey.get(), `v1/sweeps/${id}`, "PATCH", body));
}

/** Delete a sweep, once the user has seen what would go with it. */
async function remove(id) {
  if (state.editing.busy) return;
  await whileEditing(id, async () => {
    const found = await request(apiKey.get(), `v1/sweeps/${id}?dry_run=true`, "DELETE");
    if (!await confirmed(`Delete ${found.name}?`, consequence(found), "Keep", "Delete sweep")) return;
    await request(apiKey.get(), `v1/sweeps/${id}`, "DELETE");
    location.hash = "#";
  });
}

/** Change a sweep, with what the service refuses beside its form. */
async function whileEditing(id, change) {
  state.editing = { id, busy: true, faults: [] };
  render();
  try {
    await change();
    state.editing = { id: null, busy: false, faults: [] };
  } catch (error) {
    state.editing = { id, busy: false, faults: editFaults(error) };
    if (error instanceof ApiError && error.status === 401) { onError(error); return; }
  }
  render();
  await refresher.refresh();
}

/** Ask before a cancel, which cannot be undone. */
function confirmCancel(id) {
  const sweep = [state.detail?.sweep, ...(state.list?.sweeps ?? [])].find((each) => each?.id === id);
  return confirmed(`Cancel ${sweep?.name ?? id}?`,
    "Running trials end within seconds, and pending and queued ones never start. Results so far are kept.",
    "Keep running", "Cancel sweep");
}

/** Ask whether to do what cannot be undone. */
function confirmed(question, words, keep, agree) {
  update(byId("question"), question);
  update(byId("consequence"), words);
  update(byId("keep"), keep);
  update(byId("agree"), agree);
  const dialog = byId("confirm");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    update(button, "Copied");
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling); // for the user to copy
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("button");
  if (!button) return;
  const { verb, sweep, more } = button.dataset;
  if (verb) act(verb, sweep);
  else if ("model" in button.dataset) download(button.dataset.model);
  else if (button.dataset.delete) remove(button.dataset.delete);
  else if ("copy" in button.dataset) copy(button);
  else if ("close" in button.dataset) showAlert("");
  else if (more === "sweeps") { state.sweeps = Math.min(MAX_SWEEPS, state.sweeps + SWEEPS_PER_CLICK); refresher.refresh(); }
  else if (more === "points") { state.points += POINTS_PER_CLICK; refresher.refresh(); }
});
document.addEventListener("change", ({ target }) => {
  if ("look" in target.dataset) { look(target.dataset.look, target.files[0]); target.value = ""; }
  else if (target.id === "metric") { state.metric = target.value; render(); }
  else if (target.id === "heat-x") { state.heat = { ...state.heat, x: target.value }; refresher.refresh(); }
  else if (target.id === "effects-epoch") { state.heat = { ...state.heat, epoch: target.value }; refresher.refresh(); }
  else if (target.id === "heat-y") { state.heat = { ...state.heat, y: target.value }; refresher.refresh(); }
});
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone) return;
    event.preventDefault(); // the browser would open the image
    if (kind === "drop") look(zone.dataset.drop, event.dataTransfer.files[0]);
  });
}
byId("detail").addEventListener("submit", (event) => {
  event.preventDefault();
  const { fork: trial, edit: sweep } = event.target.dataset;
  if (trial) fork(trial);
  else edit(sweep);
});
byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  apiKey.keep(byId("typed").value);
  byId("typed").value = "";
  refresher.start();
});
byId("forget").addEventListener("click", () => { apiKey.forget(); askForKey(); });
for (const id of ["name", "state"]) {
  byId(id).addEventListener("input", () => { state.sweeps = SWEEPS_PER_CLICK; refresher.soon(); });
}
document.addEventListener("visibilitychange", () => (document.hidden ? refresher.stop() : refresher.start()));
window.addEventListener("hashchange", () => {
  if (apiKey.takeFromAddress()) return refresher.start();
  Object.assign(state, { points: FIRST_POINTS, metric: null, heat: { x: "", y: "", epoch: "" } });
  if (apiKey.get() !== null) {
    render();
    if (isPanelOpen()) byId("detail").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  return refresher.refresh();
});
new ResizeObserver(() => { if (state.detail && apiKey.get() !== null) render(); }).observe(byId("main"));

byId("state").append(...STATES.map((each) => h("option", { value: each }, each)));
apiKey.takeFromAddress();
refresher.start();
