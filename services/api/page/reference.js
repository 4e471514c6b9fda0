// The reference of the HTTP API, drawn from /openapi.json: every route with what it takes and what it answers.

import { h, show } from "./dom.js";

const DEEPEST = 5; // levels of a schema that are written out
const WIDTH = 88; // characters of a line

function page(api) {
  const routes = Object.entries(api.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, told]) => ({ path, verb, told, id: `${verb}${path.replace(/[^\w]+/g, "-")}` })));
  const tags = [...new Set(routes.map(({ told }) => told.tags?.[0] ?? "other"))];
  const of = (tag) => routes.filter(({ told }) => (told.tags?.[0] ?? "other") === tag);
  return [
    h("section", { class: "card" },
      h("h1", {}, `${api.info.title}, version ${api.info.version}`),
      h("p", {}, api.info.summary),
      h("p", {}, "Every route below ", h("code", {}, "/v1"), " wants the key: ",
        h("code", {}, "Authorization: Bearer $CNNLAB_API_KEY"), ". What goes wrong is answered as ",
        h("code", {}, "application/problem+json"), " (RFC 9457): ", h("code", {}, "detail"),
        " says what to change, ", h("code", {}, "errors"), " points into the request."),
      h("nav", { class: "routes", "aria-label": "Routes" }, routes.map(({ path, verb, told, id }) =>
        h("a", { href: `#${id}` }, method(verb), h("code", {}, path), h("span", { class: "quiet" }, told.summary))))),
    tags.map((tag) => h("section", {}, h("h2", {}, tag), of(tag).map((each) => route(api, each)))),
  ];
}

const method = (verb) => h("span", { class: `verb ${verb}` }, verb.toUpperCase());

function route(api, { path, verb, told, id }) {
  const body = told.requestBody?.content?.["application/json"];
  return h("article", { class: "card route", id, "data-key": id },
    h("h3", {}, method(verb), h("code", {}, path)),
    h("p", { class: "prose" }, told.description ?? told.summary),
    told.parameters?.length > 0 && parameters(told.parameters),
    body && [h("h4", {}, "Body"), examples(body), outline(api, body.schema, "As JSON")],
    h("h4", {}, "Example"), h("pre", {}, h("code", {}, curl(path, verb, body))),
    h("h4", {}, "Answers"), answers(api, told.responses));
}

function parameters(all) {
  return h("table", { class: "fields" },
    h("thead", {}, h("tr", {}, ["Parameter", "In", "Kind", "Meaning"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, all.map(({ name, in: where, required, schema, description }) => h("tr", {},
      h("td", {}, h("code", {}, name), required && " (required)"),
      h("td", {}, where),
      h("td", {}, h("code", {}, limits(schema))),
      h("td", {}, description ?? "")))));
}

/** A simple schema with its limits: `integer, 1 to 200, default 50`. */
function limits(schema) {
  const kinds = (schema.anyOf ?? [schema]).filter((each) => each.type !== "null");
  return kinds.map((each) => {
    const { type, minimum, maximum, items } = each;
    const kind = each.enum ? each.enum.join(" | ") : type === "array" ? `${items?.type ?? "value"}, repeatable` : type;
    const span = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : "";
    return `${kind ?? "value"}${span}`;
  }).join(" or ") + (schema.default !== undefined && schema.default !== null ? `, default ${schema.default}` : "");
}

function examples(body) {
  const all = Object.entries(body.examples ?? {}).map(([name, { summary, value }]) => [summary ?? name, value]);
  if (body.example) all.push(["Example", body.example]);
  for (const value of body.schema?.examples ?? []) all.push(["Example", value]);
  return all.map(([title, value]) => h("details", { open: title === all[0][0] },
    h("summary", {}, title), h("pre", {}, h("code", {}, json(value, "")))));
}

/** JSON in lines, as few as fit. */
function json(value, margin) {
  const inner = `${margin}  `;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const parts = Array.isArray(value) ? value.map((each) => json(each, inner))
    : Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${json(each, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return folded(open, parts, close, margin);
}

/** In one line where that is short enough, else a line each. */
function folded(open, parts, close, margin) {
  const line = `${open}${parts.join(", ")}${close}`;
  if (margin.length + line.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => `${margin}  ${part}`).join(",\n")}\n${margin}${close}`;
}

function curl(path, verb, body) {
  const key = path.startsWith("/v1") ? ' -H "Authorization: Bearer $CNNLAB_API_KEY"' : "";
  const data = body ? " -H 'Content-Type: application/json' -d @sweep.json" : "";
  return `curl -s${verb === "get" ? "" : ` -X ${verb.toUpperCase()}`} ${location.origin}${path}${key}${data}`;
}

function answers(api, responses) {
  return Object.entries(responses).map(([status, { description, content = {} }]) => {
    const [kind, inside] = Object.entries(content)[0] ?? [];
    const title = `${status === "default" ? "otherwise" : status} · ${description}${kind ? ` · ${kind}` : ""}`;
    return inside?.schema && Object.keys(inside.schema).length ? outline(api, inside.schema, title)
      : h("p", { class: "quiet" }, title);
  });
}

function outline(api, schema, title) {
  return h("details", {}, h("summary", {}, title), h("pre", {}, h("code", {}, written(api, schema, "", 0))));
}

/** A schema as a type: `{id: string, best: {…} | null}`; what has a name is written out where it is met. */
function written(api, schema, margin, depth) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return depth > DEEPEST ? name : written(api, api.components.schemas[name], margin, depth);
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map((each) => written(api, each, margin, depth + 1)))].join(" | ");
  if (schema.type === "array") return `[${written(api, schema.items ?? {}, margin, depth + 1)}, …]`;
  if (schema.properties) return object(api, schema, margin, depth);
  if (schema.type === "object") {
    const inside = schema.additionalProperties;
    return inside && inside !== true ? `{name: ${written(api, inside, margin, depth + 1)}}` : "object";
  }
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any value";
}

function object(api, schema, margin, depth) {
  if (depth > DEEPEST) return schema.title ?? "object";
  const inner = `${margin}  `;
  const fields = Object.entries(schema.properties).map(([name, each]) =>
    `${name}${schema.required?.includes(name) ? "" : "?"}: ${written(api, each, inner, depth + 1)}`);
  return folded("{", fields, "}", margin);
}

async function begin() {
  let api;
  try {
    api = await (await fetch("openapi.json")).json();
  } catch {
    show(document.getElementById("status"), "The API does not answer; trying again.");
    setTimeout(begin, 3000);
    return;
  }
  show(document.getElementById("status"));
  show(document.getElementById("reference"), page(api));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

begin();
