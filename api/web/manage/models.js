// The language models: connect one, see how it does, say which one answers where nothing else is said.

import { describe } from "../shared/api.js";
import { button, choice, complain, confirmed, dialog, emptyState, field, table, textBox } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { t } from "../shared/words.js";

const CIRCUITS = { closed: t("answers"), open: t("left alone after failures"), half_open: t("being tried again") };
const CHECKS = {
  reachable: t("Address"), key: t("Key"), model: t("Model"), streaming: t("Word by word"), usage: t("Counts tokens"), context: t("Context length"),
};
const MARKS = { ok: "✓", failed: "✗", unknown: "–" };

export async function open(context) {
  const { api, root, title, actions } = context;
  title(t("Models"));
  const [models, { data: providers }, usual] = await Promise.all(
    [api.list("/v1/models"), api.get("/v1/models/providers"), api.get("/v1/models/default")]);
  const redraw = () => {
    root.replaceChildren();
    return open(context);
  };
  const connect = (kind) => button(t("Connect a language model"), () => connectDialog({ api, providers, redraw, usual }), { kind, symbol: "plus" });
  const discover = button(t("Look on this machine"), () => lookAround(api, redraw), { symbol: "search" });
  actions(discover, connect("primary"));
  if (usual.source === "settings") {
    root.append(element("p", { class: "fine" }, t("The server's settings name the default model: {name}.", { name: usual.name })));
  }
  if (models.length === 0) {
    const text = t("Without a language model, answers are sentences quoted from your documents. With one they are phrased, combined and translated.");
    root.append(emptyState(t("No language model is connected"), text, connect("primary")));
    return;
  }
  const heads = [t("Name"), t("Provider"), t("Model"), t("State"), ""];
  root.append(element("section", { class: "panel" }, table(t("Models"), heads, models.map((model) => row({ api, providers, redraw, usual }, model)))));
}

function row(page, model) {
  const { api, providers, redraw, usual } = page;
  const { name, provider, health, warnings = [] } = model;
  const known = providers.find((one) => one.name === provider);
  const test = button(t("Test"), () => testDialog(api, name), { kind: "quiet" });
  const edit = iconButton("edit", t("Change {name}", { name }), () => connectDialog(page, model));
  const remove = iconButton("trash", t("Delete “{name}”", { name }), async () => {
    if (!(await confirmed(t("Delete “{name}”?", { name }), t("Delete")))) return;
    await api.delete(`/v1/models/${encodeURIComponent(name)}`).catch(complain);
    await redraw();
  });
  const make = usual.name === name ? element("span", { class: "status ready" }, t("used by default")) : button(t("Use by default"), () => setDefault(api, name, redraw), { kind: "quiet" });
  return element("tr", { "data-name": name },
    element("td", {}, element("strong", {}, name), ...warnings.map(({ detail }) => element("p", { class: "notice" }, detail))),
    element("td", {}, known?.title ?? provider), element("td", {}, model.model),
    element("td", { class: "state" }, health ? CIRCUITS[health.circuit] : t("not asked yet")), element("td", { class: "actions" }, make, test, edit, remove));
}

async function setDefault(api, name, redraw) {
  try {
    await api.put("/v1/models/default", { name });
    await redraw();
  } catch (error) {
    complain(error);
  }
}

function connectDialog({ api, providers, redraw, usual }, model = null) {
  const wanted = { provider: "openai", base_url: "", api_key: "", model: "", ...pick(model) };
  let name = model?.name ?? "";
  const names = element("datalist", { id: "model-names" });
  const address = textBox(wanted.base_url, (text) => (wanted.base_url = text), { type: "url", placeholder: "http://127.0.0.1:11434/v1" });
  const about = element("p", { class: "fine" });
  const show = () => {
    const known = providers.find((one) => one.name === wanted.provider);
    address.placeholder = known?.base_url ?? known?.base_urls?.[0] ?? "https://…/v1";
    names.replaceChildren(...(known?.models ?? []).map((one) => element("option", { value: one })));
    about.textContent = [known?.key_from && t("Keys are made at {place}.", { place: known.key_from }), known?.note].filter(Boolean).join(" ");
  };
  const provider = choice(providers.map((one) => [one.name, one.title]), wanted.provider, (value) => {
    wanted.provider = value;
    show();
  });
  const keyHint = model?.has_api_key ? t("a key is stored") : "";
  show();
  const save = async () => {
    const body = Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key, typeof value === "string" ? value.trim() : value]).filter(([, value]) => value !== "" && value !== null));
    const called = model?.name ?? (name.trim() || body.model);
    if (model) await api.send("PATCH", `/v1/models/${encodeURIComponent(called)}`, { body });
    else await api.post("/v1/models", { ...body, name: called });
    if (usual.source === "none") await api.put("/v1/models/default", { name: called }); // the first one answers at once
    await redraw();
    testDialog(api, called);
  };
  const price = (key) => textBox(wanted[key], (text) => (wanted[key] = text === "" ? null : Number(text)), { type: "number", min: 0, step: "any" });
  dialog(model ? t("Change {name}", { name }) : t("Connect a language model"), [
    field(t("Provider"), provider), about,
    field(t("Address"), address, t("Empty: the provider's own")),
    field(t("Key"), textBox("", (text) => (wanted.api_key = text), { type: "password", placeholder: keyHint }), t("Stored encrypted and never shown again")),
    field(t("Model"), textBox(wanted.model, (text) => (wanted.model = text), { list: "model-names", required: true })), names,
    ...(model ? [] : [field(t("Name here (optional)"), textBox("", (text) => (name = text)))]),
    element("details", {}, element("summary", {}, t("Price")), element("div", { class: "grid" },
      field(t("Per million tokens read"), price("price_in")), field(t("Per million tokens written"), price("price_out")))),
  ], [{ label: t("Save and test"), kind: "primary", run: save }]);
}

const pick = (model) => model && { provider: model.provider, base_url: model.base_url ?? "", model: model.model, price_in: model.price_in, price_out: model.price_out };

async function testDialog(api, name) {
  const body = element("div", { class: "stack" }, element("p", { class: "progress" }, t("Asking the model")));
  dialog(t("Test of {name}", { name }), [body], []);
  try {
    const found = await api.post(`/v1/models/${encodeURIComponent(name)}/test`);
    body.replaceChildren(...results(found));
  } catch (error) {
    body.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
  }
}

function results({ checks, text, first_token_ms: first }) {
  const lines = checks.map(({ name, status, detail }) =>
    element("li", { class: `check-line ${status}` }, element("span", {}, MARKS[status]), element("strong", {}, CHECKS[name] ?? name), element("span", {}, detail)));
  const said = text ? [element("p", {}, t("It said: “{text}”", { text }))] : [];
  const soon = first ? [element("p", { class: "fine" }, t("First word after {n} ms", { n: Math.round(first) }))] : [];
  return [element("ul", { class: "check-lines" }, ...lines), ...said, ...soon];
}

async function lookAround(api, redraw) {
  const body = element("div", { class: "stack" }, element("p", { class: "progress" }, t("Looking for Ollama, llama.cpp, LM Studio and vLLM")));
  const box = dialog(t("Models on this machine"), [body], []);
  try {
    const { data } = await api.get("/v1/models/discover");
    const use = (server, model) => button(t("Use {model}", { model }), async () => {
      try {
        await api.post("/v1/models", { name: model, provider: server.provider, base_url: server.base_url, model });
        await api.put("/v1/models/default", { name: model });
        box.close();
        await redraw();
      } catch (error) {
        complain(error);
      }
    });
    const found = data.flatMap((server) => server.models.map((model) => element("div", { class: "row" }, element("span", {}, server.title), use(server, model))));
    body.replaceChildren(...(found.length > 0 ? found : [element("p", {}, t("None was found. Start one, such as Ollama, and look again."))]));
  } catch (error) {
    body.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
  }
}
