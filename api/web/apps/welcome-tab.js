// What stands on the chat page before the first question.

import { complain, field, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

const PAUSE_MS = 500;

export function drawWelcome({ api, app, path, panel, rename }) {
  let timer = null;
  const save = async () => {
    const { name, icon, opening, suggested_questions } = app;
    if (!name.trim()) return;
    try {
      await api.send("PATCH", path, { body: { name, icon, opening, suggested_questions } });
      rename();
    } catch (error) {
      complain(error);
    }
  };
  const set = (key, read = (text) => text) => (text) => {
    app[key] = read(text);
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE_MS);
  };
  const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);
  panel.append(element("section", { class: "panel" },
    element("p", { class: "fine" }, t("These change at once, without publishing.")),
    element("div", { class: "grid" },
      field(t("Name"), textBox(app.name, set("name"), { maxlength: 200 })),
      field(t("Icon"), textBox(app.icon, set("icon"), { maxlength: 8, placeholder: "🌙" }), t("One character or emoji"))),
    field(t("Opening"), textBox(app.opening, set("opening"), { rows: 3, maxlength: 2000, placeholder: t("Hello! What would you like to know?") })),
    field(t("Suggested questions, one a line"), textBox(app.suggested_questions.join("\n"), set("suggested_questions", lines), { rows: 4 }))));
}
