// One run: how far it is, what came of it in plain words, each question, and another run beside it.

import { button, choice, complain, confirmed, field, link, serverSays, table } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { minute, t } from "../shared/words.js";
import { OVER, ROOT, outcomeNode, percent, rightOf, statusOf, told } from "./parts.js";

const POLL_MS = 1500;
const SHOWN = 100;
const FEWEST = 10; // questions from which a range says something
const METRICS = {
  "hit@1": t("The right passage came first"), "hit@5": t("The right passage was among the first five"), "answer in 1000 tokens": t("What was found holds the answer"),
  answered: t("Answered, where the documents answer"), refused: t("Refused, where they do not"),
  "answer said": t("Said a known answer"), "citation recall": t("Cited what was expected"), "citation precision": t("Cited nothing else"),
};

export async function open({ api, params, root, title, actions, go, isHere }) {
  const path = `/v1/evaluation/runs/${encodeURIComponent(params.id)}`;
  const [facts, metrics, beside, questions] = [0, 1, 2, 3].map(() => element("div"));
  const isCompared = location.search.includes("against=");
  root.append(element("p", {}, element("a", { href: ROOT }, t("All of evaluation"))), facts, ...(isCompared ? [beside, metrics] : [metrics, beside]), questions);
  const draw = async () => {
    const run = await api.get(path);
    if (!isHere()) return;
    title(run.subject.name);
    actions(...buttons(api, run, path, draw, go));
    facts.replaceChildren(about(run));
    metrics.replaceChildren(...summary(run));
    if (!OVER.includes(run.status)) {
      setTimeout(() => isHere() && draw().catch(complain), POLL_MS);
      return;
    }
    const outcomes = (await api.list(`${path}/results`)).filter(({ is_done: isDone }) => isDone);
    questions.replaceChildren(list(outcomes));
    beside.replaceChildren(await comparing(api, run, path, outcomes));
  };
  await draw();
}

function buttons(api, run, path, draw, go) {
  if (!OVER.includes(run.status)) return [button(t("Stop it"), () => api.post(`${path}/cancel`).then(draw, complain), { kind: "quiet" })];
  const remove = button(t("Delete"), async () => {
    if (!(await confirmed(t("Delete this run with its results?"), t("Delete")))) return;
    await api.delete(path).then(() => go(ROOT), complain);
  }, { kind: "danger", symbol: "trash" });
  return run.done > 0 ? [remove, link(t("Report"), `${path}/report`, { kind: "quiet", symbol: "download" })] : [remove];
}

function about(run) {
  const { set_name: set, questions, done, created_at: made, error, status } = run;
  const line = [set, t("{n} of {total} questions asked", { n: done, total: questions }), minute(made)].join(" · ");
  return element("section", { class: "panel" },
    element("div", { class: "row", role: "status" }, statusOf(run), element("span", {}, line)),
    OVER.includes(status) ? null : element("progress", { max: questions, value: done, "aria-label": t("Questions asked") }),
    run.judged > 0 ? element("p", { class: "result" }, element("strong", {}, rightOf(run)), " ", t("went well")) : null,
    error ? serverSays("div", { class: "failure" }, error) : null);
}

function summary({ summary: found, done }) {
  if (!found) return [];
  const rows = Object.entries(METRICS).filter(([name]) => found.metrics[name]).map(([name, label]) => {
    const { mean, low, high } = found.metrics[name];
    return [label, percent(mean), done < FEWEST ? t("too few questions to say") : t("{low} to {high}", { low: percent(low), high: percent(high) })];
  });
  const slow = found.latency_ms ? t("Half of the questions took up to {p50} ms, all but a twentieth up to {p95} ms.", { p50: Math.round(found.latency_ms.p50), p95: Math.round(found.latency_ms.p95) }) : "";
  return [element("section", { class: "panel" }, element("h2", {}, t("What came of it")), rows.length > 0 ? table(t("What came of it"), ["", t("Result"), t("Likely range with more questions")], rows) : null, element("p", { class: "fine" }, slow))];
}

const FILTERS = [["all", t("All"), () => true], ["wrong", t("Went wrong"), (one) => one.is_right === false], ["refused", t("Refused"), (one) => one.verdict === "refused"], ["weak", t("Weak"), (one) => one.verdict === "weak"]];

function list(outcomes) {
  const shown = element("div", { class: "outcomes" });
  const draw = (wanted) => {
    const found = outcomes.filter(FILTERS.find(([id]) => id === wanted)[2]);
    const more = found.length > SHOWN ? element("p", { class: "fine" }, t("The first {n} are shown.", { n: SHOWN })) : null;
    shown.replaceChildren(...found.slice(0, SHOWN).map((one) => outcomeNode(one)), more ?? "");
  };
  const options = FILTERS.map(([id, label, fits]) => [id, `${label} (${outcomes.filter(fits).length})`]);
  draw("all");
  return element("section", { class: "panel" }, element("div", { class: "row" }, element("h2", {}, t("Questions")), choice(options, "all", draw, { "aria-label": t("Which questions") })), element("p", { class: "fine" }, verdicts(outcomes)), shown);
}

function verdicts(outcomes) {
  const of = (verdict, ...more) => outcomes.filter((one) => one.verdict === verdict && more.every((fits) => fits(one.question.answerable !== false))).length;
  const counts = { answered: of("answered"), weak: of("weak"), rightly: of("refused", (has) => !has), wrongly: of("refused", (has) => has) };
  return t("{answered} answered from the documents, {weak} weakly, {rightly} rightly refused, {wrongly} refused though the documents answer.", counts);
}

// Another run beside this one: questions won and lost, and whether that can be chance.
async function comparing(api, run, path, outcomes) {
  const runs = (await api.list("/v1/evaluation/runs")).filter(({ id, done }) => id !== run.id && done > 0);
  const result = element("div", { class: "stack" });
  const nameOf = (one) => `${one.subject.name} · ${one.set_name} · ${minute(one.created_at)}`;
  const show = async (id) => {
    history.replaceState(null, "", id ? `?against=${id}` : location.pathname);
    result.replaceChildren(...(id ? await compared(api, path, id, outcomes) : []));
  };
  const asked = new URLSearchParams(location.search).get("against") ?? "";
  if (asked) await show(asked);
  const options = [["", t("None")], ...runs.map((one) => [one.id, nameOf(one)])];
  return element("section", { class: "panel" }, element("h2", {}, t("Compare")),
    runs.length > 0 ? field(t("With the run"), choice(options, asked, (id) => show(id).catch(complain))) : element("p", { class: "fine" }, t("Ask the same set again after a change, or ask another app, and compare the two here.")), result);
}

async function compared(api, path, id, outcomes) {
  const [found, others] = await Promise.all([api.get(`${path}/comparison/${id}`), api.list(`/v1/evaluation/runs/${id}/results`)]);
  if (found.questions === 0) return [element("p", { class: "fine" }, t("The two have no question in common."))];
  const { won, lost, both_right: both, neither, is_chance: isChance } = found;
  const line = t("{won} won, {lost} lost; {both} went well in both, {neither} in neither.", { won: won.length, lost: lost.length, both, neither });
  const verdict = isChance ? t("This can be chance: more questions would tell.") : t("This is hardly chance.");
  const pair = ({ number, against_number: other }) => {
    const [now, before] = [outcomes.find((one) => one.number === number), others.find((one) => one.number === other)];
    const sides = element("div", { class: "columns" }, side(t("This run"), now), side(t("The other run"), before));
    return outcomeNode(now, sides);
  };
  const group = (label, pairs) => pairs.length > 0 ? element("div", { class: "outcomes" }, element("h3", {}, label), ...pairs.slice(0, SHOWN).map(pair)) : null;
  const rows = found.compared.filter(({ metric }) => METRICS[metric]).map(({ metric, before, after, difference }) => [METRICS[metric], percent(before), percent(after), difference.p_value < 0.05 ? t("no") : t("yes")]);
  const metrics = rows.length > 0 ? table(t("Compare"), ["", t("The other run"), t("This run"), t("Can be chance")], rows) : null;
  const report = link(t("Report of both"), `${path}/report?against=${id}`, { kind: "quiet", symbol: "download" });
  return [element("p", { class: "result" }, line, " ", verdict), metrics, group(t("Won"), won), group(t("Lost"), lost), element("div", { class: "row" }, report)].filter(Boolean);
}

const side = (label, outcome) => element("div", {}, element("h4", {}, label), told(outcome));
