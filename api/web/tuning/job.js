// One training job: its curve while it runs, what the curve says, and letting an app use the model.

import { lineChart } from "../shared/chart.js";
import { button, choice, complain, confirmed, dialog, field, serverSays, textBox, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { minute, t } from "../shared/words.js";
import { STATES } from "./list.js";

const POLL_MS = 2000;
const OVER = ["succeeded", "failed", "cancelled"];

export async function open({ api, params, root, title, actions, go, isHere }) {
  const path = `/v1/tuning/jobs/${encodeURIComponent(params.id)}`;
  const curve = element("div", { class: "stack" });
  const facts = element("div", { class: "stack" });
  root.append(element("p", {}, element("a", { href: "/console/tuning" }, t("All of fine-tuning"))), facts, curve);
  const act = (label, action) => button(label, () => action().then(draw, complain), { kind: "quiet" });
  const draw = async () => {
    const [job, points] = await Promise.all([api.get(path), api.get(`${path}/curve`)]);
    if (!isHere()) return;
    title(job.suffix ?? job.model);
    actions(...buttons(api, job, path, act, go));
    facts.replaceChildren(about(job, points.at(-1)));
    curve.replaceChildren(...charts(points), ...verdict(job));
    if (!OVER.includes(job.status)) setTimeout(() => isHere() && draw(), POLL_MS);
  };
  await draw();
}

function buttons(api, job, path, act, go) {
  const { status, fine_tuned_model: model } = job;
  if (status === "paused") return [act(t("Go on"), () => api.post(`${path}/resume`)), act(t("Stop it"), () => api.post(`${path}/cancel`))];
  if (!OVER.includes(status)) return [act(t("Pause"), () => api.post(`${path}/pause`)), act(t("Stop it"), () => api.post(`${path}/cancel`))];
  const remove = button(t("Delete"), async () => {
    if (!(await confirmed(t("Delete this job with its model?"), t("Delete")))) return;
    await api.delete(path).then(() => go("/console/tuning"), complain);
  }, { kind: "danger", symbol: "trash" });
  const use = button(t("Use it in an app"), () => askPublish(api, model, go), { kind: "primary" });
  return model ? [remove, use] : [remove];
}

function about({ status, model, task, method, created_at: made, fine_tuned_model: tuned, error, trained_tokens: tokens }, last) {
  const left = last?.seconds_left ? t("about {n} s left", { n: Math.round(last.seconds_left) }) : null;
  const step = last ? t("step {n} of {total}", { n: last.step, total: last.total_steps ?? "?" }) : null;
  const line = [STATES[status] ?? status, step, left, model, `${task} · ${method}`, tokens ? t("{n} tokens", { n: tokens }) : null, minute(made)].filter(Boolean).join(" · ");
  return element("section", { class: "panel" }, element("p", { role: "status" }, line), tuned ? element("p", {}, t("Made: {name}", { name: tuned })) : null, error ? serverSays("div", { class: "failure" }, error) : null);
}

function charts(points) {
  const of = (key) => points.filter((one) => typeof one[key] === "number").map((one) => [one.step, one[key]]);
  const losses = [{ name: t("training"), points: of("train_loss") }, { name: t("held out"), points: of("valid_loss") }];
  const accuracy = [{ name: t("training"), points: of("train_mean_token_accuracy") }, { name: t("held out"), points: of("valid_mean_token_accuracy") }];
  const shown = [lineChart(t("Loss"), losses)];
  if (accuracy.some(({ points: some }) => some.length > 0)) shown.push(lineChart(t("Share of right tokens"), accuracy));
  return [element("section", { class: "panel columns" }, ...shown)];
}

function verdict({ diagnosis }) {
  if (!diagnosis) return [];
  const lines = diagnosis.findings.map(({ verdict: code, reason, advice }) => serverSays("li", {}, { code, detail: `${named(code)}: ${reason} ${advice}` }));
  return [element("section", { class: "panel" }, element("h2", {}, t("What the curve says")), element("ul", { class: "stack plain" }, ...lines))];
}

const named = (code) => `${code[0].toUpperCase()}${code.slice(1).replaceAll("_", " ")}`;

async function askPublish(api, model, go) {
  const apps = await api.list("/v1/apps");
  const wanted = { app: apps[0]?.slug, base_url: "" };
  dialog(t("Use it in an app"), [
    element("p", { class: "fine" }, t("The app's draft gets it as its fine-tuned model. Nobody is answered by it until you publish and turn the switch.")),
    field(t("App"), choice(apps.map(({ slug, name }) => [slug, name]), wanted.app, (value) => (wanted.app = value))),
    field(t("Address where it is served"), textBox("", (text) => (wanted.base_url = text), { type: "url", placeholder: "http://127.0.0.1:8400/v1" }), t("kb tune serve, vLLM, Ollama or llama.cpp")),
  ], [{
    label: t("Put it into the draft"), kind: "primary",
    run: async () => {
      const body = { app: wanted.app, ...(wanted.base_url.trim() && { base_url: wanted.base_url.trim() }) };
      const done = await api.post(`/v1/tuning/models/${encodeURIComponent(model)}/publish`, body);
      for (const { detail } of done.warnings ?? []) toast(detail);
      go(`/console/apps/${wanted.app}?tab=model`);
    },
  }]);
}
