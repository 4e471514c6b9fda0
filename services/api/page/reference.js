// The reference of the HTTP API, made from /openapi.json: every route with its parameters, body and responses.

import { h, update } from "./dom.js";

const MAX_DEPTH = 5; // levels of a schema that are written out
const LINE_CHARS = 88;

function page(api) {
  const routes = Object.entries(api.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation, id: `${verb}${path.replace(/[^\w]+/g, "-")}` })));
  const tags = [...new Set(routes.map(({ operation }) => operation.tags?.[0] ?? "other"))];
  const of = (tag) => routes.filter(({ operation }) => (operation.tags?.[0] ?? "other") === tag);
  return [
    h("section", { class: "card" },
      h("h1", {}, `${api.info.title}, version ${api.info.version}`),
      h("p", {}, api.info.summary),
      h("p", {}, "Every route below ", h("code", {}, "/v1"), " requires the key: ",
        h("code", {}, "Authorization: Bearer $CNNLAB_API_KEY"), ". Errors are ",
        h("code", {}, "application/problem+json"), " (RFC 9457): ", h("code", {}, "detail"),
        " says what to change, and ", h("code", {}, "errors"), " point into the request."),
      h("nav", { class: "routes", "aria-label": "Routes" }, routes.map(({ path, verb, operation, id }) =>
        h("a", { href: `#${id}` }, method(verb), h("code", {}, path), h("span", { class: "quiet" }, operation.summary))))),
    tags.map((tag) => h("section", {}, h("h2", {}, tag), of(tag).map((each) => route(api, each)))),
  ];
}

const method = (verb) => h("span", { class: `verb ${verb}` }, verb.toUpperCase());

function route(api, { path, verb, operation, id }) {
  const body = operation.requestBody?.content?.["application/json"];
  return h("article", { class: "card route", id, "data-key": id },
    h("h3", {}, method(verb), h("code", {}, path)),
    h("p", { class: "prose" }, operation.description ?? operation.summary),
    operation.parameters?.length > 0 && parameters(operation.parameters),
    body && [h("h4", {}, "Body"), examples(body), outline(api, body.schema, "As JSON")],
    h("h4", {}, "Example"), h("pre", {}, h("code", {}, curl(path, verb, body))),
    h("h4", {}, "Responses"), responseViews(api, operation.responses));
}

function parameters(all) {
  return h("table", { class: "fields" },
    h("thead", {}, h("tr", {}, ["Parameter", "In", "Type", "Meaning"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, all.map(({ name, in: where, required, schema, description }) => h("tr", {},
      h("td", {}, h("code", {}, name), required && " (required)"),
      h("td", {}, where),
      h("td", {}, h("code", {}, limits(schema))),
      h("td", {}, description ?? "")))));
}

/** A simple schema with its limits, as in `integer, 1 to 200, default 50`. */
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

/** JSON on as few lines as fit. */
function json(value, margin) {
  const inner = `${margin}  `;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const parts = Array.isArray(value) ? value.map((each) => json(each, inner))
    : Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${json(each, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return folded(open, parts, close, margin);
}

/** On one line if that is short enough, otherwise one line for each part. */
function folded(open, parts, close, margin) {
  const line = `${open}${parts.join(", ")}${close}`;
  if (margin.length + line.length <= LINE_CHARS && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => `${margin}  ${part}`).join(",\n")}\n${margin}${close}`;
}

function curl(path, verb, body) {
  const key = path.startsWith("/v1") ? ' -H "Authorization: Bearer $CNNLAB_API_KEY"' : "";
  const data = body ? " -H 'Content-Type: application/json' -d @sweep.json" : "";
  return `curl -s${verb === "get" ? "" : ` -X ${verb.toUpperCase()}`} ${location.origin}${path}${key}${data}`;
}

function responseViews(api, responses) {
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

/** A schema as a type, `{id: string, best: {…} | null}`; named schemas are written out where they are used. */
function written(api, schema, margin, depth) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return depth > MAX_DEPTH ? name : written(api, api.components.schemas[name], margin, depth);
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
  if (depth > MAX_DEPTH) return schema.title ?? "object";
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
    update(document.getElementById("status"), "The API does not answer; trying again.");
    setTimeout(begin, 3000);
    return;
  }
  update(document.getElementById("status"));
  update(document.getElementById("reference"), page(api));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

begin();
