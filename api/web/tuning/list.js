// Fine-tuning: the training sets, the jobs that learn from them, and the models that came of it.

import { button, choice, dialog, emptyState, field, table, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, minute, t } from "../shared/words.js";

export const STATES = {
  validating_files: t("looking at the rows"), queued: t("waiting"), running: t("running"), paused: t("paused"),
  succeeded: t("done"), failed: t("failed"), cancelled: t("stopped"),
};
const TASKS = [["chat", t("Answer as in the examples")], ["completion", t("Continue a text (prompt and completion)")], ["classify", t("Sort questions by label")]];

export async function open({ api, root, title, actions, go }) {
  title(t("Fine-tuning"));
  const [sets, jobs, models] = await Promise.all(["sets", "jobs", "models"].map((one) => api.list(`/v1/tuning/${one}`)));
  const newSet = (kind) => button(t("New training set"), () => askSet(api, go), { kind, symbol: "plus" });
  if (sets.length + jobs.length === 0) {
    const text = t("A training set holds examples of good answers. A job teaches them to a model, which an app can then switch to.");
    root.append(emptyState(t("Teach a model by examples"), text, newSet("primary")));
    return;
  }
  actions(newSet(""), button(t("Train a model"), () => askJob(api, sets, models, go), { kind: "primary" }));
  root.append(
    section(t("Training sets"), [t("Name"), t("Version"), t("Made")], sets.map(({ name, versions, created_at: made }) => [anchor(`/console/tuning/sets/${encodeURIComponent(name)}`, name), String(versions || "–"), minute(made)])),
    section(t("Jobs"), [t("Model"), t("Task"), t("Status"), t("Made")], jobs.map(({ id, model, suffix, task, status, created_at: made }) =>
      [anchor(`/console/tuning/jobs/${id}`, suffix ? `${model} · ${suffix}` : model), task, element("span", { class: `status ${status === "succeeded" ? "ready" : status}` }, STATES[status] ?? status), minute(made)])),
    section(t("Tuned models"), [t("Name"), t("Base"), t("Task"), t("Made")], models.map(({ name, base, parent, task, job_id: job, created_at: made }) =>
      [anchor(`/console/tuning/jobs/${job}`, name), parent ? `${base} → ${parent}` : base, task, minute(made)])),
  );
}

const anchor = (href, text) => element("a", { href }, text);

function section(title, heads, rows) {
  return element("section", { class: "panel" }, element("h2", {}, title), rows.length > 0 ? table(title, heads, rows) : element("p", { class: "fine" }, t("None yet.")));
}

function askSet(api, go) {
  let name = "";
  dialog(t("New training set"), [field(t("Name"), textBox("", (text) => (name = text), { maxlength: 100, required: true }))], [{
    label: t("Create"), kind: "primary",
    run: async () => {
      if (!name.trim()) throw new Error(t("Give it a name."));
      await api.post("/v1/tuning/sets", { name: name.trim() });
      go(`/console/tuning/sets/${encodeURIComponent(name.trim())}`);
    },
  }]);
}

function askJob(api, sets, models, go) {
  const wanted = { model: models[0]?.name ?? "", training_set: sets.at(-1)?.name ?? "", task: "chat", suffix: "" };
  const bases = element("datalist", { id: "bases" }, ...models.map(({ name }) => element("option", { value: name })));
  dialog(t("Train a model"), [
    field(t("Training set"), choice(sets.map(({ name, versions }) => [name, `${name} (${count(versions, "{n} version", "{n} versions")})`]), wanted.training_set, (value) => (wanted.training_set = value))),
    field(t("Task"), choice(TASKS, "chat", (value) => (wanted.task = value))),
    field(t("Model to start from"), textBox(wanted.model, (text) => (wanted.model = text), { list: "bases", required: true }), t("A folder or name of a model on this machine, or a tuned model to go on with")), bases,
    field(t("Ending of the new model's name (optional)"), textBox("", (text) => (wanted.suffix = text), { maxlength: 64 })),
  ], [{
    label: t("Start"), kind: "primary",
    run: async () => {
      const body = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ""));
      const job = await api.post("/v1/tuning/jobs", body);
      go(`/console/tuning/jobs/${job.id}`);
    },
  }]);
}
