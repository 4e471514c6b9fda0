// The parts that a panel is made of: a titled card, and commands to copy into a terminal.

import { h } from "./dom.js";

/** A card below the first one. */
export function part(title, ...inside) {
  return h("section", { class: "card part", "data-key": title }, h("h3", {}, title), inside);
}

/** Commands for a terminal, each with a button that copies it. */
export function commandList(lines) {
  return h("ul", { class: "commands" }, lines.map((line) => h("li", { "data-key": line },
    h("code", {}, line),
    h("button", { type: "button", class: "plain", "data-copy": line, "aria-label": `Copy: ${line}` }, "Copy"))));
}
