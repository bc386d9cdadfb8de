// Which model answers, how, and the switch to a fine-tuned one.

import { button, checkBox, choice, complain, field, link, textBox, toast } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { t } from "../shared/words.js";

export async function drawModels(context) {
  const { api, draft, panel } = context;
  const models = await api.list("/v1/models");
  const options = [
    ["", t("The server's default model")],
    ["extractive", t("None: quote the documents word for word")],
    ...models.filter(({ name }) => !["default", "extractive"].includes(name)).map(({ name, model }) => [name, name === model ? name : `${name} (${model})`]),
  ];
  const connect = link(t("Connect a language model"), "/console/models", { kind: "quiet", symbol: "plus" });
  const tuned = element("div", { class: "stack" });
  panel.append(
    element("section", { class: "panel" }, element("h2", {}, t("Model")), variant(draft, "base", options), element("div", { class: "row" }, connect)),
    element("section", { class: "panel" }, element("h2", {}, t("Fine-tuned model")), tuned),
  );
  drawTuned(context, options, tuned);
}

function variant(draft, name, options) {
  const now = () => draft.content[name];
  const set = (key, read = (value) => value) => (value) => draft.change(() => (now()[key] = read(value)));
  const number = (text) => (text === "" ? null : Number(text));
  const searches = now().retrieval !== null;
  const search = checkBox(t("Search the documents before it answers"), searches, (isOn) =>
    draft.change(() => {
      if (isOn) delete now().retrieval;
      else now().retrieval = null;
    }));
  return element("div", { class: "stack" }, element("div", { class: "grid" },
    field(t("Answers come from"), choice(options, now().model, set("model", (value) => value || null))),
    field(t("Temperature"), textBox(now().temperature, set("temperature", number), { type: "number", min: 0, max: 2, step: 0.1, placeholder: t("the model's own") })),
    field(t("Longest answer (tokens)"), textBox(now().max_tokens, set("max_tokens", number), { type: "number", min: 1, placeholder: t("the model's own") }))), search);
}

function drawTuned(context, options, root) {
  const { draft } = context;
  const redraw = () => drawTuned(context, options, root);
  if (!draft.content.tuned) {
    const first = options.find(([name]) => name !== "" && name !== "extractive")?.[0] ?? null;
    const add = button(t("Add a fine-tuned model"), () => {
      draft.change((one) => (one.tuned = { model: first, prompt: null, temperature: null, max_tokens: null }));
      redraw();
    }, { symbol: "plus" });
    root.replaceChildren(element("p", { class: "fine" }, t("A second model that answers in place of the first: always, for a share of conversations, or by rules. If it fails, the first answers.")), element("div", { class: "row" }, add));
    return;
  }
  const { tuned } = draft.content;
  const prompt = textBox(tuned.prompt ?? "", (text) => draft.change(() => (tuned.prompt = text === "" ? null : text)), { rows: 4, class: "code", placeholder: t("The same instructions as above") });
  const remove = button(t("Remove"), () => {
    draft.change((one) => (one.tuned = null));
    redraw();
  }, { kind: "quiet" });
  const route = element("div", { class: "stack" });
  root.replaceChildren(variant(draft, "tuned", options), field(t("Its own instructions"), prompt), element("div", { class: "row" }, remove), route);
  drawRoute(context, route);
}

async function drawRoute({ api, path }, root) {
  const policy = await api.get(`${path}/route`);
  const warnings = element("ul", { class: "problems warm" });
  const save = async () => {
    const { mode, percent, rules } = policy;
    try {
      const saved = await api.put(`${path}/route`, { mode, percent, rules });
      warnings.replaceChildren(...(saved.warnings ?? []).map((one) => element("li", {}, one.detail)));
      toast(t("The switch is set."));
    } catch (error) {
      complain(error);
    }
  };
  const percent = textBox(policy.percent, (text) => (policy.percent = Number(text)), { type: "number", min: 0, max: 100, onchange: save });
  const share = field(t("Share of conversations (%)"), percent);
  share.hidden = policy.mode !== "split";
  const modes = [["base", t("Off: the first model answers")], ["tuned", t("On: the fine-tuned model answers")], ["split", t("For a share of conversations")]];
  const mode = choice(modes, policy.mode, (value) => {
    policy.mode = value;
    share.hidden = value !== "split";
    save();
  });
  root.replaceChildren(element("h3", {}, t("Fine-tune switch")), element("p", { class: "fine" }, t("It works at once, for new conversations, without publishing.")),
    element("div", { class: "grid" }, field(t("Position"), mode), share), rules(policy, save), warnings);
}

// The rules that go before the position: questions with certain words or in certain languages.
function rules(policy, save) {
  const rows = element("div", { class: "stack" });
  const draw = () => {
    rows.replaceChildren(...policy.rules.map((rule, i) => {
      const set = (key) => (text) => (rule[key] = text.split(",").map((one) => one.trim()).filter(Boolean));
      const box = (key) => textBox((rule[key] ?? []).join(", "), set(key), { onchange: save });
      return element("div", { class: "variable" },
        field(t("Words, separated by commas"), box("keywords")), field(t("Languages (en, zh, …)"), box("languages")),
        field(t("Goes to"), choice([["tuned", t("fine-tuned model")], ["base", t("first model")]], rule.variant, (value) => { rule.variant = value; save(); })),
        iconButton("trash", t("Remove the rule"), () => { policy.rules.splice(i, 1); draw(); save(); }));
    }));
  };
  const add = button(t("Add a rule"), () => { policy.rules.push({ variant: "tuned", keywords: [], languages: [] }); draw(); }, { kind: "quiet", symbol: "plus" });
  draw();
  return element("div", { class: "stack" }, rows, element("div", { class: "row" }, add));
}
