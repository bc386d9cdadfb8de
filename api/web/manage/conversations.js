// What was asked and answered: by app, by words, and each conversation whole.

import { describe } from "../shared/api.js";
import { button, choice, complain, confirmed, emptyState, table, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { opinions } from "../shared/reasons.js";
import { minute, t } from "../shared/words.js";
import { exportDialog } from "./exporting.js";

const MOST = 500;
const OUTCOMES = { like: { rating: "like" }, dislike: { rating: "dislike" }, refused: { refused: true } };

export async function open({ api, root, title, params, go, actions }) {
  title(t("Conversations"));
  const apps = await api.list("/v1/apps");
  const named = new Map(apps.map(({ id, name }) => [id, name]));
  if (params.id) return drawOne(api, root, params.id, go);
  const wanted = { app: new URLSearchParams(location.search).get("app") ?? "", what: "", text: "", user: "" };
  let shown = [];
  const list = element("div");
  let latest = 0;
  const draw = async () => {
    const turn = (latest += 1);
    const user = wanted.user.trim();
    const query = { ...(wanted.app && { app: wanted.app }), ...(user && { user }), ...OUTCOMES[wanted.what] };
    const all = await api.list("/v1/conversations", query, MOST);
    if (turn !== latest) return; // more was typed meanwhile
    const text = wanted.text.trim().toLowerCase();
    shown = all.filter(({ name }) => name.toLowerCase().includes(text));
    save.hidden = shown.length === 0;
    list.replaceChildren(shown.length > 0 ? listed(shown, named) : nothing(Object.keys(query).length + text.length > 0));
  };
  const set = (key) => (value) => {
    wanted[key] = value;
    draw().catch(complain);
  };
  const search = (key, label) => textBox("", set(key), { type: "search", placeholder: label, "aria-label": label });
  const apart = [["", t("All answers")], ["like", t("Judged good")], ["dislike", t("Judged bad")], ["refused", t("Refused")]];
  const save = button(t("Export"), () => exportDialog(api, shown, named), { symbol: "download", hidden: true });
  actions(save);
  root.append(element("section", { class: "panel" }, element("div", { class: "row" }, search("text", t("Find by first question")), search("user", t("User")),
    choice([["", t("All apps")], ...apps.map(({ slug, name }) => [slug, name])], wanted.app, set("app"), { "aria-label": t("App") }),
    choice(apart, "", set("what"), { "aria-label": t("What became of it") })), list));
  await draw();
}

const nothing = (isFiltered) => isFiltered
  ? element("p", { class: "fine" }, t("No such conversations"))
  : emptyState(t("No conversations yet"), t("They appear here as soon as somebody asks."), null);

function listed(conversations, named) {
  const rows = conversations.map(({ id, name, app_id: app, user, updated_at: at }) =>
    [element("a", { href: `/console/conversations/${id}` }, name || t("Untitled")), named.get(app) ?? "", user ?? "", minute(at)]);
  return table(t("Conversations"), [t("First question"), t("App"), t("User"), t("Last change")], rows);
}

async function drawOne(api, root, id, go) {
  const path = `/v1/conversations/${encodeURIComponent(id)}`;
  const [conversation, messages] = await Promise.all([api.get(path), api.list(`${path}/messages`)]);
  const remove = button(t("Delete"), async () => {
    if (!(await confirmed(t("Delete the conversation “{name}”?", { name: conversation.name }), t("Delete")))) return;
    await api.delete(path).then(() => go("/console/conversations"), complain);
  }, { kind: "danger", symbol: "trash" });
  const facts = [conversation.user, minute(conversation.created_at)].filter(Boolean).join(" · ");
  root.append(element("p", {}, element("a", { href: "/console/conversations" }, t("All conversations"))),
    element("section", { class: "panel" }, element("div", { class: "row" }, element("h2", {}, conversation.name || t("Untitled")), element("span", { class: "fine" }, facts), remove),
      ...messages.map((message) => exchange(api, message))));
}

function exchange(api, message) {
  const { query, answer, error, sources, route, finish_reason: finish, grounded, said } = message;
  const facts = [
    route.variant === "tuned" ? t("Fine-tuned model") : null, route.model === "extractive" ? t("Answered from your documents, word for word") : route.model, finish === "refused" ? t("refused") : null, grounded === "weak" ? t("weak") : null,
  ].filter(Boolean).join(" · ");
  const replay = element("div");
  const again = button(t("Ask another version"), () => drawReplay(api, message, replay), { kind: "quiet" });
  const places = [...new Set(sources.map(({ document_name: name, page }) => `${name}, ${t("page {n}", { n: page })}`))];
  return element("article", { class: "turn" }, element("p", { class: "question" }, query),
    element("p", { class: "passage-text" }, answer || error?.detail || ""), element("p", { class: "fine" }, facts),
    ...opinions(said).map((line) => element("p", { class: "fine" }, line)),
    places.length > 0 ? element("p", { class: "fine" }, t("Found: {places}", { places: places.join("; ") })) : null, element("div", { class: "row" }, again), replay);
}

async function drawReplay(api, message, root) {
  const version = textBox("1", () => {}, { type: "number", min: 1, "aria-label": t("Version") });
  const answer = element("p", { class: "passage-text" });
  const run = button(t("Ask"), async () => {
    answer.textContent = t("Writing the answer");
    try {
      const found = await api.post(`/v1/messages/${message.id}/replay`, { version: Number(version.value), stream: false });
      answer.textContent = found.answer;
    } catch (error) {
      answer.textContent = describe(error).detail;
    }
  });
  root.replaceChildren(element("div", { class: "row" }, version, run), answer);
}
