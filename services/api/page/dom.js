// Elements of the page: made from data, then patched into what is shown, so that focus and selection stay.
// Text goes in as text nodes; nothing here reads HTML, so no name or message can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element; attributes that are null, undefined or false are left out, and so are such children. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for an element of a drawing. */
export function draw(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A label whose lines break between its parts, not within `lr 0.1`, `1e-4` or `tangent-sigmoid`. */
export function unbroken(label) {
  return label.split(/(?<=,) /).map((part) => [h("span", { class: "unbroken" }, whole(part)), " "]);
}

const MAX_WHOLE_CHARS = 36; // of a word that every screen has room for

/** A text whose words do not break at their hyphens and slashes; only a word that is wider than a screen does. */
export function whole(text) {
  return text.split(/(\s+)/).map((word) => (
    /[^\w.,;:()]/.test(word.trim()) && word.length <= MAX_WHOLE_CHARS ? h("span", { class: "word" }, word) : word));
}

/** Make these the children of `live`, changing only what differs. */
export function update(live, ...children) {
  const wanted = fill(live.cloneNode(false), {}, children);
  const focused = document.activeElement;
  patchChildren(live, wanted);
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

function sameKind(live, wanted) {
  return live.nodeName === wanted.nodeName && keyOf(live) === keyOf(wanted);
}

function patch(live, wanted) {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== wanted.data) live.data = wanted.data;
    return;
  }
  for (const { name } of [...live.attributes]) {
    // Whether a block is open is the user's choice.
    if (!wanted.hasAttribute(name) && name !== "open") live.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  if (live.nodeName === "SELECT") patchSelect(live, wanted);
  else patchChildren(live, wanted);
}

/** What is selected is the user's choice, as long as it is still an option. */
function patchSelect(live, wanted) {
  const chosen = live.value;
  const first = wanted.value;
  patchChildren(live, wanted);
  live.value = chosen;
  if (live.selectedIndex < 0) live.value = first;
}

function patchChildren(live, wanted) {
  const keyed = new Map();
  for (const child of live.children) {
    if (keyOf(child) !== null) keyed.set(keyOf(child), child);
  }
  let here = live.firstChild;
  for (const child of [...wanted.childNodes]) {
    const known = keyOf(child) === null ? here : keyed.get(keyOf(child));
    if (!known || !sameKind(known, child)) {
      live.insertBefore(child, here);
      continue;
    }
    patch(known, child);
    if (known === here) here = here.nextSibling;
    else live.insertBefore(known, here);
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}
