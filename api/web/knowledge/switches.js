// Whether a document answers, since when and until when, and for whom.

import { describe } from "../shared/api.js";
import { button, checkBox, field, textBox, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

export function drawSwitches(api, path, document, panel) {
  const { enabled, labels, valid_from, valid_until, metadata } = document;
  const wanted = { enabled, labels: [...labels], valid_from, valid_until };
  let about = JSON.stringify(metadata, null, 2);
  const day = (key) => textBox(wanted[key] ?? "", (text) => (wanted[key] = text || null), { type: "date" });
  const split = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);
  const save = async () => {
    try {
      const body = { ...wanted, metadata: JSON.parse(about || "{}") };
      Object.assign(document, await (await api.send("PATCH", path, { body })).json());
      toast(t("Saved"));
    } catch (error) {
      toast(error instanceof SyntaxError ? t("The fields are not valid JSON.") : describe(error).detail, "bad");
    }
  };
  panel.append(element("section", { class: "panel" },
    checkBox(t("Answers may use this document"), enabled, (isOn) => (wanted.enabled = isOn)),
    element("div", { class: "grid" }, field(t("Valid from"), day("valid_from")), field(t("Valid until"), day("valid_until")),
      field(t("Labels, separated by commas"), textBox(labels.join(", "), (text) => (wanted.labels = split(text))), t("Only keys and users with one of these labels see it. None: everybody."))),
    field(t("Fields for filters (JSON)"), textBox(about, (text) => (about = text), { rows: 4, class: "code" })),
    element("div", { class: "row" }, button(t("Save"), save, { kind: "primary" }))));
}
