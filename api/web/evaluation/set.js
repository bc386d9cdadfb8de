// One question set: questions from files, the review queue or the documents, and by hand.

import { button, checkBox, choice, complain, confirmed, dialog, field, link, table, textBox, toast } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { count, t } from "../shared/words.js";
import { askRun } from "./ask.js";
import { ROOT, placeOf } from "./parts.js";

const SHOWN = 100;
const AT_ONCE = 3; // questions that a language model writes in one request

export async function open(context) {
  const { api, params, root, title, actions, go } = context;
  const path = `/v1/evaluation/sets/${encodeURIComponent(params.id)}`;
  const [set, { data, next }] = await Promise.all([api.get(path), api.get(`${path}/questions`, { limit: SHOWN })]);
  const redraw = () => {
    root.replaceChildren();
    return open(context);
  };
  title(set.name);
  const remove = async () => {
    if (!(await confirmed(t("Delete “{name}”?", { name: set.name }), t("Delete")))) return;
    await api.delete(path).then(() => go(ROOT), complain);
  };
  const ask = data.length > 0 ? [button(t("Ask this set"), () => askRun(api, go, [set]).catch(complain), { kind: "primary" })] : [];
  actions(button(t("Delete"), remove, { kind: "danger", symbol: "trash" }), ...ask);
  const heads = [t("Question"), t("Expected"), ""];
  const rows = data.map((one) => [one.question, expectedOf(one), tools(api, set, path, one, redraw)]);
  root.append(
    element("p", {}, element("a", { href: ROOT }, t("All of evaluation"))),
    element("section", { class: "panel" }, element("h2", {}, t("Add questions")), adding(api, set, path, redraw)),
    element("section", { class: "panel" },
      element("div", { class: "row" }, element("h2", {}, count(set.questions, "{n} question", "{n} questions")), data.length > 0 ? link(t("Save as a file"), `${path}/export`, { kind: "quiet", symbol: "download" }) : null),
      rows.length > 0 ? table(t("Questions"), heads, rows) : element("p", { class: "fine" }, t("None yet.")),
      next ? element("p", { class: "fine" }, t("The first {n} are shown.", { n: SHOWN })) : null),
  );
}

function expectedOf({ answerable, answers, relevant, reference }) {
  if (!answerable) return t("should be refused");
  return [answers.join(" / ") || reference, relevant.map(placeOf).join(", ")].filter(Boolean).join(" · ") || "–";
}

function tools(api, set, path, one, redraw) {
  const remove = () => api.delete(`${path}/questions/${one.number}`).then(redraw, complain);
  return element("div", { class: "row end" }, iconButton("edit", t("Change this question"), () => askQuestion(api, set, path, one, redraw).catch(complain)), iconButton("trash", t("Leave this question out"), remove));
}

function adding(api, set, path, redraw) {
  const said = async ({ added, known }) => {
    toast([count(added, "{n} question added", "{n} questions added"), known > 0 ? count(known, "{n} was there already", "{n} were there already") : null].filter(Boolean).join(", "));
    await redraw();
  };
  const input = element("input", { type: "file", hidden: true, multiple: true, "aria-label": t("File with questions"), accept: ".jsonl,.csv,.json,.tsv,.zip" });
  input.addEventListener("change", () => {
    const body = new FormData();
    for (const file of input.files) body.append("files", file, file.webkitRelativePath || file.name);
    if (set.dataset_id) body.append("options", JSON.stringify({ documents: true }));
    input.value = "";
    api.form(`${path}/import`, body).then(said, complain);
  });
  const collect = () => api.post(`${path}/collect`).then(said, complain);
  return element("div", { class: "row" }, input,
    button(t("Write one"), () => askQuestion(api, set, path, null, redraw).catch(complain), { symbol: "plus", kind: "primary" }),
    button(t("From a file"), () => input.click(), { symbol: "upload" }),
    button(t("From the documents"), () => askDraft(api, set, path, said).catch(complain), { symbol: "file" }),
    button(t("From the review"), collect, { symbol: "queue" }),
    element("p", { class: "fine" }, t("Files: JSON Lines or CSV with a column “question”, SQuAD, or BEIR as a zip.")));
}

async function askDraft(api, set, path, said) {
  const datasets = await api.list("/v1/datasets");
  const { name: model } = await api.get("/v1/models/default");
  const wanted = { dataset_id: set.dataset_id ?? datasets[0]?.id, count: 30 };
  let byModel = false;
  const progress = element("p", { class: "fine", role: "status" });
  const write = async () => {
    const all = { added: 0, known: 0 };
    for (let seed = 0; all.added < wanted.count && seed < wanted.count; seed += 1) {
      progress.textContent = t("{n} of {total} questions written", { n: all.added, total: wanted.count });
      const { added, known } = await api.post(`${path}/draft`, { ...wanted, count: Math.min(AT_ONCE, wanted.count - all.added), seed, by_model: true });
      [all.added, all.known] = [all.added + added, all.known + known];
    }
    return all;
  };
  dialog(t("Questions from the documents"), [
    element("p", { class: "fine" }, t("Made of headings and sentences, in the words of the documents: good to compare settings with, easier than what people ask.")),
    model ? checkBox(t("Let the language model write them: slower, and closer to what people ask"), false, (isOn) => (byModel = isOn)) : null,
    field(t("Knowledge base"), choice(datasets.map(({ id, name }) => [id, name]), wanted.dataset_id, (value) => (wanted.dataset_id = value))),
    field(t("Questions at most"), textBox(wanted.count, (text) => (wanted.count = Number(text)), { type: "number", min: 1, max: 1000 })), progress,
  ].filter(Boolean), [{ label: t("Make them"), kind: "primary", run: async () => said(await (byModel ? write() : api.post(`${path}/draft`, wanted))) }]);
}

// Writes a question, or writes one anew: what is asked, and what should be found or said.
async function askQuestion(api, set, path, one, redraw) {
  const names = set.dataset_id ? (await api.list(`/v1/datasets/${set.dataset_id}/documents`, {}, 200)).map(({ name }) => name) : [];
  const { number, ...before } = one ?? { question: "", answers: [], relevant: [], answerable: true };
  const [first, ...others] = before.relevant;
  const body = { ...before, passage: "" };
  const place = { document: first?.document ?? "", page: typeof first?.start === "number" ? String(first.page) : "" };
  const was = { ...place };
  const list = element("datalist", { id: "documents" }, ...names.map((name) => element("option", { value: name })));
  const expected = element("div", { class: "stack", hidden: !body.answerable },
    field(t("Right answers, one a line (optional)"), textBox(before.answers.join("\n"), (text) => (body.answers = text.split("\n").map((line) => line.trim()).filter(Boolean)), { rows: 2 })),
    element("div", { class: "grid" },
      field(t("Document that answers (optional)"), textBox(place.document, (text) => (place.document = text.trim()), { list: "documents" })),
      field(t("Page (optional)"), textBox(place.page, (text) => (place.page = text.trim()), { type: "number", min: 1 }))), list,
    set.dataset_id ? field(t("Passage, copied from the document (optional)"), textBox("", (text) => (body.passage = text), { rows: 2 })) : null);
  const refused = checkBox(t("The documents do not answer this: refusing is right"), !body.answerable, (isOn) => {
    body.answerable = !isOn;
    expected.hidden = isOn;
  });
  dialog(one ? t("Change this question") : t("Write one"), [field(t("Question"), textBox(before.question, (text) => (body.question = text), { rows: 2, required: true })), refused, expected], [{
    label: t("Save"), kind: "primary",
    run: async () => {
      if (!body.question.trim()) throw new Error(t("Write the question."));
      const isSame = place.document === was.document && place.page === was.page;
      const part = isSame ? first : { document: place.document, ...(place.page && { page: Number(place.page), start: 0 }) };
      const relevant = [...(place.document ? [part] : []), ...others].map(({ document, page, start, end, grade }) => ({ document, page: page ?? 1, start: start ?? null, end: end ?? null, grade: grade ?? 1 }));
      const sent = body.answerable ? { ...body, relevant } : { question: body.question, answerable: false };
      if (one) await api.put(`${path}/questions/${number}`, sent);
      else await api.post(`${path}/questions`, sent);
      await redraw();
    },
  }]);
}
