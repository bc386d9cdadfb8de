// Asking a question set: of an app as it is published or drafted, or of a knowledge base's search.

import { choice, dialog, field, textBox } from "../shared/controls.js";
import { t } from "../shared/words.js";
import { InputsForm } from "../chat/inputs-form.js";
import { ROOT } from "./parts.js";

export async function askRun(api, go, sets) {
  const [apps, datasets] = await Promise.all([api.list("/v1/apps"), api.list("/v1/datasets")]);
  const subjects = [...apps.flatMap(ofApp), ...datasets.map(ofDataset)];
  const wanted = { set: sets[0].id, subject: 0, sample: "" };
  const form = new InputsForm();
  const show = (value) => {
    wanted.subject = Number(value);
    form.draw(subjects[wanted.subject]?.inputs ?? []);
  };
  show(0);
  dialog(t("Ask a set"), [
    field(t("Question set"), choice(sets.map(({ id, name }) => [id, name]), wanted.set, (value) => (wanted.set = value))),
    field(t("Who is asked"), choice(subjects.map(({ label }, i) => [i, label]), 0, show), t("An app gives answers; of a knowledge base only the search is looked at.")),
    form.root,
    field(t("Questions at most (optional)"), textBox("", (text) => (wanted.sample = text), { type: "number", min: 1 })),
  ], [{
    label: t("Ask"), kind: "primary",
    run: async () => {
      const { body, inputs = [] } = subjects[wanted.subject] ?? {};
      if (!body) throw new Error(t("Make an app or a knowledge base first."));
      if (!form.isComplete()) return false;
      const sample = wanted.sample ? { sample: Number(wanted.sample) } : {};
      const run = await api.post("/v1/evaluation/runs", { question_set: wanted.set, ...body, ...sample, ...(inputs.length > 0 && { inputs: form.values(inputs) }) });
      go(`${ROOT}/runs/${run.id}`);
    },
  }]);
}

function ofApp({ slug, name, version, inputs }) {
  const draft = { label: t("App “{name}”: the draft", { name }), body: { app: slug, version: "draft" }, inputs };
  if (!version) return [draft];
  return [{ label: t("App “{name}”: version {n}, which answers now", { name, n: version }), body: { app: slug, version }, inputs }, draft];
}

const ofDataset = ({ id, name }) => ({ label: t("Knowledge base “{name}”: the search", { name }), body: { dataset_id: id } });
