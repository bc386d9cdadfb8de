// How a knowledge base prepares its documents: the rules, tried on a file before they apply; the
// versions of its index; its name; and deleting it.

import { button, choice, complain, confirmed, dialog, field, table, textBox, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { day, t } from "../shared/words.js";
import { drawPreview } from "./preview.js";
import { ProcessingForm } from "./processing.js";

const STATES = { building: t("being made"), ready: t("ready to use"), live: t("answers now"), retired: t("used before") };

export function drawSettings({ api, dataset, path, panel, go }) {
  const form = new ProcessingForm(dataset.processing);
  const versions = element("div");
  const isEmpty = Object.values(dataset.documents ?? {}).every((n) => n === 0);
  const apply = button(isEmpty ? t("Save") : t("Prepare all documents anew"), () => guarded(() => applied()), { kind: "primary" });
  const applied = async () => {
    if (isEmpty) await api.send("PATCH", path, { body: { processing: form.value } });
    else await api.post(`${path}/reindex`, { processing: form.value });
    toast(isEmpty ? t("Saved") : t("A new index is being made beside the present one."));
    await drawVersions(api, path, versions);
  };
  const preview = element("div");
  panel.append(
    section(t("How documents are prepared"), form.root, drawPreview(api, path, form, preview, apply), preview),
    section(t("Indexes"), versions, element("div", { class: "row" }, button(t("Compare by questions"), () => guarded(() => askComparison(api, dataset, path, go)), { symbol: "measure" }))),
    section(t("Name"), ...naming(api, dataset, path)),
    section(t("Delete"), element("div", { class: "row" }, button(t("Delete this knowledge base"), () => remove(api, dataset, path, go), { kind: "danger", symbol: "trash" }))),
  );
  return guarded(() => drawVersions(api, path, versions));
}

const section = (title, ...nodes) => element("section", { class: "panel" }, element("h2", {}, title), ...nodes);

function naming(api, dataset, path) {
  const change = { name: dataset.name, description: dataset.description };
  const save = async () => {
    await api.send("PATCH", path, { body: change });
    toast(t("Saved"));
  };
  return [
    field(t("Name"), textBox(dataset.name, (text) => (change.name = text), { maxlength: 200 })),
    field(t("Description"), textBox(dataset.description, (text) => (change.description = text), { rows: 2 })),
    element("div", { class: "row" }, button(t("Save"), () => guarded(save))),
  ];
}

async function remove(api, dataset, path, go) {
  const question = t("Delete “{name}” with all its documents? This cannot be undone.", { name: dataset.name });
  if (!(await confirmed(question, t("Delete")))) return;
  await guarded(async () => {
    await api.delete(path);
    go("/console/knowledge");
  });
}

// The indexes of the knowledge base, the present one first, and what can be done with each.
async function drawVersions(api, path, root) {
  const { data } = await api.get(`${path}/generations`);
  const act = (label, action) => button(label, () => guarded(async () => {
    await action();
    await drawVersions(api, path, root);
  }), { kind: "quiet" });
  const rows = data.reverse().map((one) => {
    const buttons = [];
    if (one.status === "ready" || one.status === "retired") {
      buttons.push(act(t("Use this one"), () => api.post(`${path}/switch`, { generation: one.generation })));
    }
    if (one.status !== "live") buttons.push(act(t("Delete"), () => api.delete(`${path}/generations/${one.generation}`)));
    const progress = t("{ready} of {total} documents, {chunks} passages", { ready: one.ready, total: one.documents, chunks: one.chunks });
    return [String(one.generation), element("span", { class: `status ${one.status}` }, STATES[one.status] ?? one.status), progress, one.embedder, day(one.created_at), element("div", { class: "row" }, ...buttons)];
  });
  const heads = [t("No."), t("Status"), t("Holds"), t("Embedding model"), t("Made"), ""];
  root.replaceChildren(table(t("Indexes"), heads, rows));
  const isBuilding = data.some(({ status }) => status === "building");
  if (isBuilding) setTimeout(() => root.isConnected && drawVersions(api, path, root), 2000);
}

// Asks two indexes the same question set; the page of the run sets them side by side.
async function askComparison(api, dataset, path, go) {
  const [sets, { data }] = await Promise.all([api.list("/v1/evaluation/sets"), api.get(`${path}/generations`)]);
  const asked = sets.filter(({ questions }) => questions > 0);
  const ready = data.filter(({ status }) => status !== "building").map(({ generation, status }) => [generation, `${generation} (${STATES[status] ?? status})`]).reverse();
  if (ready.length < 2) throw new Error(t("There is only one index. Prepare the documents anew first."));
  if (asked.length === 0) throw new Error(t("Make a question set first, under “Evaluation”."));
  const own = asked.find(({ dataset_id: id }) => id === dataset.id) ?? asked[0];
  const wanted = { set: own.id, one: ready[0][0], other: ready[1][0] };
  dialog(t("Compare by questions"), [
    field(t("Question set"), choice(asked.map(({ id, name }) => [id, name]), wanted.set, (value) => (wanted.set = value))),
    field(t("Index"), choice(ready, wanted.one, (value) => (wanted.one = value))),
    field(t("Beside the index"), choice(ready, wanted.other, (value) => (wanted.other = value))),
  ], [{
    label: t("Ask both"), kind: "primary",
    run: async () => {
      const ask = (generation) => api.post("/v1/evaluation/runs", { question_set: wanted.set, dataset_id: dataset.id, generation: Number(generation) });
      const other = await ask(wanted.other);
      const one = await ask(wanted.one);
      go(`/console/evaluation/runs/${one.id}?against=${other.id}`);
    },
  }]);
}

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    complain(error);
  }
}
