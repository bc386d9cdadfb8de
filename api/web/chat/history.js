// The list of past conversations of one app, newest first.

import { describe } from "../shared/api.js";
import { dialog, field, textBox } from "../shared/controls.js";
import { byId, element, iconButton } from "../shared/dom.js";
import { t } from "../shared/words.js";

export class History {
  // `actions`: {open(conversation), removed(id)}.
  constructor(api, actions) {
    this.api = api;
    this.actions = actions;
    this.root = byId("conversations");
    this.app = null;
    this.current = null;
    this.conversations = [];
    this.wanted = "";
    const search = textBox("", (text) => { this.wanted = text; this.#draw(); }, { type: "search", placeholder: t("Search"), "aria-label": t("Search the conversations") });
    this.search = element("div", { class: "history-search", hidden: true }, search);
    this.root.before(this.search);
  }

  async load(app) {
    this.app = app;
    try {
      const rows = await this.api.list("/v1/conversations", { app: app.slug });
      if (this.app !== app) return;
      rows.sort((one, other) => other.updated_at.localeCompare(one.updated_at));
      this.conversations = rows;
      this.#draw();
    } catch (error) {
      this.root.replaceChildren(element("li", { class: "empty" }, describe(error).detail));
    }
  }

  // A conversation that has just begun: the server lists it when its first answer is stored.
  begin(conversation) {
    this.conversations = [conversation, ...this.conversations];
    this.select(conversation.id);
  }

  select(id) {
    this.current = id;
    this.#draw();
  }

  #draw() {
    const wanted = this.wanted.trim().toLowerCase();
    const shown = this.conversations.filter(({ name }) => (name ?? "").toLowerCase().includes(wanted));
    const rows = shown.map((conversation) => this.#row(conversation));
    this.search.hidden = this.conversations.length < 6;
    const empty = element("li", { class: "empty" }, t("No conversations yet"));
    this.root.replaceChildren(...(rows.length > 0 ? rows : [empty]));
  }

  #row(conversation) {
    const { id, name } = conversation;
    const isCurrent = id === this.current;
    const open = element(
      "button",
      {
        type: "button",
        class: "conversation",
        title: name,
        "aria-current": isCurrent ? "true" : undefined,
        onclick: () => this.actions.open(conversation),
      },
      name || t("Untitled"),
    );
    const rename = iconButton("edit", t("Rename “{name}”", { name }), () => this.#rename(conversation));
    const remove = iconButton("trash", t("Delete “{name}”", { name }), () => this.#remove(conversation));
    return element("li", {}, open, rename, remove);
  }

  #rename(conversation) {
    let wanted = conversation.name;
    dialog(t("Rename the conversation"), [field(t("Name"), textBox(wanted, (text) => (wanted = text), { maxlength: 200 }))], [{
      label: t("Save"),
      kind: "primary",
      run: async () => {
        if (!wanted.trim()) throw new Error(t("Give it a name."));
        await this.api.send("PATCH", `/v1/conversations/${encodeURIComponent(conversation.id)}`, { body: { name: wanted.trim() } });
        conversation.name = wanted.trim();
        this.#draw();
      },
    }]);
  }

  async #remove({ id, name }) {
    if (!confirm(t("Delete the conversation “{name}”?", { name }))) return;
    try {
      await this.api.delete(`/v1/conversations/${encodeURIComponent(id)}`);
    } catch (error) {
      byId("status").textContent = describe(error).detail;
      return;
    }
    this.conversations = this.conversations.filter((conversation) => conversation.id !== id);
    this.#draw();
    this.actions.removed(id);
  }
}
