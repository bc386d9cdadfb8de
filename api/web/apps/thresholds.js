// What the thresholds of an app make of questions: how many are answered, weak and refused.

import { lineChart } from "../shared/chart.js";
import { button, choice, complain, field, table } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

const STEPS = Array.from({ length: 41 }, (_, i) => i / 40);

export async function drawThresholds({ api, draft, root, panel }) {
  const sets = await api.list("/v1/evaluation/sets");
  const result = element("div", { class: "stack", role: "status" });
  let asked = "";
  let found = null;
  const redraw = () => found && result.replaceChildren(...shown(found, draft.content.retrieval));
  const ask = async () => {
    const { dataset_ids: ids, retrieval } = draft.content;
    if (ids.length === 0) throw new Error(t("Choose a knowledge base first."));
    result.replaceChildren(element("p", { class: "progress" }, t("Asking…")));
    try {
      found = await api.post("/v1/evaluation/scores", { dataset_ids: ids, mode: retrieval.mode, ...(asked && { question_set: asked }) });
    } catch (error) {
      result.replaceChildren();
      throw error;
    }
    redraw();
  };
  const own = ["", t("Made of the documents, and about something else")];
  panel.append(element("section", { class: "panel" }, element("h2", {}, t("What the scores make of questions")),
    element("div", { class: "row" }, field(t("Questions to try"), choice([own, ...sets.filter(({ questions }) => questions > 0).map(({ id, name }) => [id, name])], "", (value) => (asked = value))),
      button(t("Try the thresholds"), () => ask().catch(complain), { symbol: "chart" })), result));
  root.addEventListener("draft-saved", () => panel.isConnected && redraw());
}

function shown({ questions, refused_below: usual, sure_from: usuallySure }, { min_score: least, sure_score: sure }) {
  const refusedBelow = least || usual;
  const sureFrom = sure || Math.max(usuallySure, refusedBelow);
  const kinds = [[t("The documents answer"), true], [t("The documents do not answer"), false]]
    .map(([name, answerable]) => [name, questions.filter((one) => one.answerable === answerable).map(({ score }) => score)]).filter(([, scores]) => scores.length > 0);
  const share = (scores) => STEPS.map((x) => [x, scores.filter((score) => score >= x).length / scores.length]);
  const chart = lineChart(t("Share of the questions that score at least"), kinds.map(([name, scores]) => ({ name, points: share(scores) })),
    [{ x: refusedBelow, name: t("refused below") }, { x: sureFrom, name: t("sure from") }]);
  const rows = kinds.map(([name, scores]) => {
    const [sureOnes, refused] = [scores.filter((score) => score >= sureFrom).length, scores.filter((score) => score < refusedBelow).length];
    return [name, String(sureOnes), String(scores.length - sureOnes - refused), String(refused)];
  });
  return [chart, table(t("With these thresholds"), ["", t("answered"), t("weak"), t("refused")], rows)];
}
