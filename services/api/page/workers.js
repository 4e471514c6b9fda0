// The workers that are running, with the devices they hold and what they are doing.

import { h, whole } from "./dom.js";
import { ago, many } from "./format.js";

/** All workers, or how to start one. */
export function workersView({ workers, devices }) {
  const held = new Map();
  for (const device of devices) {
    if (!device.alive) continue;
    held.set(device.worker, [...(held.get(device.worker) ?? []), device]);
  }
  const idle = devices.filter((device) => !device.alive).length;
  if (!workers.length) {
    return h("div", { class: "card empty" },
      h("p", {}, "No worker is running, so no trial is trained."),
      h("p", { class: "quiet" }, "Start one with ", h("code", {}, "cnnlab up"), " on this machine, or ",
        h("code", {}, "python -m workers"), " on any machine that can reach the same database and Redis."));
  }
  return [
    h("ul", { class: "workers" }, workers.map((worker) => workerView(worker, held.get(worker.id) ?? []))),
    idle > 0 && h("p", { class: "quiet" }, `Nothing can be trained now on ${many(idle, "other device")}.`),
  ];
}

function workerView(worker, devices) {
  const state = devices.some((device) => device.pack) ? "busy" : devices.length ? "free" : "gone";
  return h("li", { class: "card worker", "data-key": worker.id, title: `${worker.id}, last seen ${ago(worker.seen)}` },
    h("span", { class: `dot ${state}`, "aria-hidden": "true" }),
    h("div", {},
      h("p", { class: "device" },
        devices.length ? devices.map((device) => deviceName(device, worker.host)).join(", ") : "no device",
        h("span", { class: "quiet" }, whole(` on ${worker.host}`))),
      devices.map((device) => h("p", { class: "quiet" }, `trains in ${device.precisions.join(", ")}`)),
      h("p", { class: "quiet says" }, whole(worker.says))));
}

/** A CPU slot by its name on the host, a GPU by its model, its memory and the beginning of its UUID. */
function deviceName({ id, name, memory }, host) {
  if (id.startsWith(`${host}/`)) return id.slice(host.length + 1);
  const size = memory ? `, ${Math.round(memory / 2 ** 30)} GiB` : "";
  return `${name}${size} (${id.slice(0, 12)})`;
}
