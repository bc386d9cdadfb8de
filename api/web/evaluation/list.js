// Evaluation: the question sets, and what came of asking them.

import { button, choice, dialog, emptyState, field, table, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, minute, t } from "../shared/words.js";
import { askRun } from "./ask.js";
import { ROOT, rightOf, statusOf } from "./parts.js";

export async function open({ api, root, title, actions, go }) {
  title(t("Evaluation"));
  const [sets, runs] = await Promise.all([api.list("/v1/evaluation/sets"), api.list("/v1/evaluation/runs")]);
  const newSet = (kind) => button(t("New question set"), () => askSet(api, go), { kind, symbol: "plus" });
  if (sets.length + runs.length === 0) {
    const text = t("A question set holds questions with what should be found or said. Ask an app or a knowledge base all of them, and see what a change made better or worse.");
    root.append(emptyState(t("Are the answers good?"), text, newSet("primary")));
    return;
  }
  actions(newSet(""), ...(sets.length > 0 ? [button(t("Ask a set"), () => askRun(api, go, sets), { kind: "primary" })] : []));
  root.append(
    section(t("Question sets"), [t("Name"), t("Questions"), t("Made")], sets.map(({ id, name, questions, created_at: made }) =>
      [anchor(`${ROOT}/sets/${id}`, name), count(questions, "{n} question", "{n} questions"), minute(made)])),
    section(t("Runs"), [t("Asked"), t("Question set"), t("Status"), t("Went well"), t("Made")], runs.map((run) =>
      [anchor(`${ROOT}/runs/${run.id}`, run.subject.name), run.set_name, statusOf(run), rightOf(run), minute(run.created_at)])),
  );
}

const anchor = (href, text) => element("a", { href }, text);

function section(title, heads, rows) {
  return element("section", { class: "panel" }, element("h2", {}, title), rows.length > 0 ? table(title, heads, rows) : element("p", { class: "fine" }, t("None yet.")));
}

async function askSet(api, go) {
  const datasets = await api.list("/v1/datasets");
  const wanted = { name: "", dataset_id: datasets[0]?.id ?? "" };
  dialog(t("New question set"), [
    field(t("Name"), textBox("", (text) => (wanted.name = text), { maxlength: 100, required: true })),
    field(t("About the knowledge base"), choice([...datasets.map(({ id, name }) => [id, name]), ["", t("None of these")]], wanted.dataset_id, (value) => (wanted.dataset_id = value))),
  ], [{
    label: t("Create"), kind: "primary",
    run: async () => {
      if (!wanted.name.trim()) throw new Error(t("Give it a name."));
      const { id } = await api.post("/v1/evaluation/sets", { name: wanted.name.trim(), ...(wanted.dataset_id && { dataset_id: wanted.dataset_id }) });
      go(`${ROOT}/sets/${id}`);
    },
  }]);
}
