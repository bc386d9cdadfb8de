// What went wrong: questions that were refused, answered weakly, without a source, or disliked, in
// groups that ask nearly the same. From here, the right answer in one step.

import { button, choice, complain, emptyState, field, textBox, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { REASONS, opinions } from "../shared/reasons.js";
import { minute, t } from "../shared/words.js";

const KINDS = { refused: t("refused"), weak: t("weak"), unsupported: t("without a source"), disliked: t("disliked") };
const MADE = {
  fixed_answer: t("Always answer so"), training_row: t("Teach it to the model"), evaluation_question: t("Keep as a test question"), dismissed: t("Nothing to do"),
};

export async function open({ api, root, title }) {
  title(t("Review"));
  const apps = await api.list("/v1/apps");
  const wanted = { app: "", kind: "", status: "open" };
  const list = element("div");
  const draw = async () => {
    const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
    const { data } = await api.get("/v1/review", { ...query, limit: 50 });
    const nothing = emptyState(t("Nothing to review"), t("Questions come here when they were refused, answered weakly, without a source, or disliked."), null);
    list.replaceChildren(...(data.length > 0 ? data.map((group) => groupNode(api, group, draw)) : [nothing]));
  };
  const set = (key) => (value) => {
    wanted[key] = value;
    draw().catch(complain);
  };
  root.append(element("section", { class: "panel" }, element("div", { class: "grid" },
    field(t("App"), choice([["", t("All apps")], ...apps.map(({ slug, name }) => [slug, name])], "", set("app"))),
    field(t("What went wrong"), choice([["", t("All")], ...Object.entries(KINDS)], "", set("kind"))),
    field(t("Status"), choice([["open", t("open")], ["done", t("done")]], "open", set("status"))))), list);
  await draw();
}

function groupNode(api, group, redraw) {
  const { id, question, count: n, kinds, reasons, last_at: at, examples, nearest, review } = group;
  const badges = [...Object.entries(kinds), ...Object.entries(reasons)].map(([kind, many]) =>
    element("span", { class: "badge" }, `${KINDS[kind] ?? REASONS[kind] ?? kind}${many > 1 ? ` × ${many}` : ""}`));
  const better = examples.flatMap(({ said }) => said).findLast(({ better_answer: text }) => text)?.better_answer ?? "";
  let answer = better;
  const box = textBox(better, (text) => (answer = text), { rows: 2 });
  const resolve = (made) => async () => {
    try {
      await api.post(`/v1/review/${encodeURIComponent(id)}/resolve`, { as: made, ...(answer.trim() && { answer: answer.trim() }) });
      toast(made === "open" ? t("It is open again.") : t("Done."));
      await redraw();
    } catch (error) {
      complain(error);
    }
  };
  const buttons = Object.entries(MADE).map(([made, label]) => button(label, resolve(made), { kind: made === "fixed_answer" ? "primary" : "quiet" }));
  const done = review ? [element("p", { class: "good" }, MADE[review.as] ?? review.as), element("div", { class: "row" }, button(t("Open again"), resolve("open"), { kind: "quiet" }))] : [];
  return element("section", { class: "panel", "aria-label": question },
    element("div", { class: "row" }, element("h2", {}, question), ...badges, element("span", { class: "fine" }, [n > 1 ? t("asked {n} times", { n }) : null, minute(at)].filter(Boolean).join(" · "))),
    element("details", {}, element("summary", {}, t("What was answered, and what came nearest")),
      ...examples.flatMap(({ query, answer: given, said }) => [`${query} → ${given}`, ...opinions(said)]).map((line) => element("p", { class: "fine" }, line)),
      element("ol", { class: "hits" }, ...nearest.map(passage))),
    ...(review ? done : [field(t("The right answer"), box), element("div", { class: "row" }, ...buttons)]));
}

const passage = ({ document_name: name, page, text }) => element("li", { class: "hit" },
  element("div", { class: "hit-head" }, element("span", { class: "document" }, name), element("span", { class: "where" }, t("page {n}", { n: page }))), element("p", { tabindex: 0 }, text));
