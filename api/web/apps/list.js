// The apps: each answers from knowledge bases under its own name, prompt and address.

import { button, dialog, emptyState, field, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { newApp } from "../shared/new-app.js";
import { t } from "../shared/words.js";

export async function open({ api, root, go, title, actions }) {
  title(t("Apps"));
  const create = () => button(t("New app"), () => ask(api, go), { kind: "primary", symbol: "plus" });
  const all = await api.list("/v1/apps");
  if (all.length === 0) {
    const text = t("An app is a chat with its own instructions, model and documents. You can share it by a link or put it on a website.");
    root.append(emptyState(t("Make your first app"), text, create()));
    return;
  }
  actions(create());
  root.append(element("ul", { class: "cards" }, ...all.map(card)));
}

function card({ slug, name, icon, opening, version, route }) {
  const state = version === null ? t("draft, not published") : t("published, version {n}", { n: version });
  const tuned = route && route.mode !== "base" ? ` · ${t("fine-tuned model on")}` : "";
  return element("li", {}, element("a", { class: "card-link", href: `/console/apps/${slug}` },
    element("strong", {}, icon && [...icon].length <= 4 ? `${icon} ` : "", name),
    opening ? element("span", {}, opening) : null, element("span", { class: "fine" }, state + tuned)));
}

function ask(api, go) {
  let wanted = "";
  const name = textBox("", (text) => (wanted = text), { maxlength: 200, required: true });
  dialog(t("New app"), [field(t("Name"), name)], [{
    label: t("Create"),
    kind: "primary",
    run: async () => {
      if (!wanted.trim()) throw new Error(t("Give it a name."));
      const app = await newApp(api, wanted.trim());
      go(`/console/apps/${app.slug}`);
    },
  }]);
}
