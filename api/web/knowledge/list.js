// The knowledge bases: find one, or make one.

import { dialog, emptyState, field, textBox, button } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, day, t } from "../shared/words.js";

export async function open({ api, root, go, title, actions }) {
  title(t("Knowledge bases"));
  const create = (kind) => button(t("New knowledge base"), () => ask(api, go), { kind, symbol: "plus" });
  const all = await api.list("/v1/datasets");
  if (all.length === 0) {
    const text = t("A knowledge base holds the documents that answers come from: files, folders or pasted text.");
    root.append(emptyState(t("Start with your documents"), text, create("primary")));
    return;
  }
  actions(create("primary"));
  const cards = element("ul", { class: "cards" });
  const draw = (wanted) => {
    const shown = all.filter(({ name }) => name.toLowerCase().includes(wanted.trim().toLowerCase()));
    cards.replaceChildren(...shown.map((dataset) => card(api, dataset)));
  };
  if (all.length > 6) root.append(textBox("", draw, { type: "search", "aria-label": t("Search"), placeholder: t("Search") }));
  root.append(cards);
  draw("");
}

function card(api, { id, name, description, created_at: created }) {
  const numbers = element("span", { class: "fine" }, day(created));
  describeIn(numbers, api, id, created);
  return element("li", {}, element("a", { class: "card-link", href: `/console/knowledge/${id}` },
    element("strong", {}, name), description ? element("span", {}, description) : null, numbers));
}

async function describeIn(node, api, id, created) {
  const { documents = {} } = await api.get(`/v1/datasets/${id}`);
  const ready = documents.ready ?? 0;
  const parts = [count(ready, "{n} document", "{n} documents")];
  const waiting = (documents.pending ?? 0) + (documents.indexing ?? 0);
  if (waiting > 0) parts.push(t("{n} being read", { n: waiting }));
  if (documents.failed > 0) parts.push(t("{n} failed", { n: documents.failed }));
  node.textContent = [...parts, day(created)].join(" · ");
}

function ask(api, go) {
  const wanted = { name: "", description: "" };
  const name = textBox("", (text) => (wanted.name = text), { maxlength: 200, required: true });
  const about = textBox("", (text) => (wanted.description = text), { rows: 2, maxlength: 2000 });
  dialog(t("New knowledge base"), [field(t("Name"), name), field(t("Description (optional)"), about)], [
    {
      label: t("Create"),
      kind: "primary",
      run: async () => {
        if (!wanted.name.trim()) throw new Error(t("Give it a name."));
        const made = await api.post("/v1/datasets", { ...wanted, name: wanted.name.trim() });
        go(`/console/knowledge/${made.id}`);
      },
    },
  ]);
}
