// The API reference: every operation of /openapi.json with its parameters, types and examples.

import { byId, element } from "./shared/dom.js";

const JSON_TYPE = "application/json";

const described = await (await fetch("/openapi.json")).json();
const schemas = described.components.schemas;
const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })));

const shown = operations.map((operation) => ({ operation, node: entry(operation), text: searched(operation) }));
byId("operations").append(...shown.map(({ node }) => node));
byId("filter").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(" ");
  for (const { node, text } of shown) node.hidden = !words.every((word) => text.includes(word));
});
document.body.dataset.ready = "true";

function searched({ method, path, summary = "", description = "", tags = [] }) {
  return [method, path, summary, description, ...tags].join(" ").toLowerCase();
}

function entry(operation) {
  const title = element("summary", {},
    element("code", {}, `${operation.method.toUpperCase()} ${operation.path}`), ` ${operation.summary}`);
  const node = element("details", {}, title);
  node.addEventListener("toggle", () => node.childElementCount === 1 && node.append(...details(operation)));
  return node;
}

function details(operation) {
  const needs = operation.security.length ? [] : [element("p", { class: "fine" }, "Needs no key.")];
  const answers = Object.entries(operation.responses).map(([status, answer]) => response(status, answer));
  return [
    element("p", {}, operation.description ?? ""),
    ...needs,
    ...(operation.parameters ? [table("Parameters", operation.parameters.map(parameter))] : []),
    ...bodies("Body", operation.requestBody?.content),
    ...answers.flat(),
  ];
}

const parameter = ({ name, in: place, required, schema, description }) =>
  [name, `${place}, ${typeName(schema)}${required ? ", required" : ""}`, description ?? ""];

function response(status, answer) {
  if (answer.$ref) return [element("p", { class: "fine" }, "An error is a problem document (application/problem+json) with a stable code.")];
  const content = bodies(`Answer ${status}`, answer.content);
  return content.length ? content : [element("h3", {}, `Answer ${status}`), element("p", { class: "fine" }, answer.description)];
}

function bodies(title, content = {}) {
  return Object.entries(content).flatMap(([type, { schema, example, examples }]) => [
    element("h3", {}, type === JSON_TYPE ? title : `${title} (${type})`),
    ...members(schema).map(fields),
    ...samples(example, examples),
  ]);
}

// The objects that a schema allows: itself, or each of a union or of a list's items.
function members(schema) {
  const found = resolved(schema);
  const several = found.oneOf ?? found.anyOf;
  if (several) return several.flatMap(members);
  return found.properties ? [found] : [];
}

function fields({ title, description, properties, required = [] }) {
  const rows = Object.entries(properties).map(([name, schema]) =>
    [name, typeName(schema) + (required.includes(name) ? "" : ", optional"), schema.description ?? ""]);
  return table([title, description].filter(Boolean).join(": "), rows);
}

function table(caption, rows) {
  const lines = rows.map(([name, type, meaning]) => element("tr", {},
    element("td", {}, element("code", {}, name)), element("td", {}, type), element("td", {}, meaning)));
  return element("table", {}, element("caption", {}, caption), ...lines);
}

function samples(example, examples = {}) {
  const named = Object.values(examples).map(({ $ref, value }) => $ref ? at($ref).value : value);
  const values = example === undefined ? named : [example];
  return values.map((value) => element("pre", {}, JSON.stringify(value, null, 2)));
}

function typeName(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map(typeName).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${schema.items ? typeName(schema.items) : "anything"}`;
  return schema.format ?? schema.type ?? "anything";
}

function resolved(schema) {
  return schema.$ref ? schemas[schema.$ref.split("/").at(-1)] : schema;
}

function at(reference) {
  return reference.slice(2).split("/").reduce((part, key) => part[key], described);
}
