// What stands on the page before the first question: the app's opening line and its suggestions.

import { byId, element } from "../shared/dom.js";
import { t } from "../shared/words.js";

// `app` is null if there is none to talk to; `ask(query)` sends a suggestion.
export function drawWelcome(app, kind, ask) {
  byId("welcome").replaceChildren(...(app === null ? nothingYet(kind) : greeting(app, ask)));
}

// Admins read that no language model is connected, and how one is.
export async function drawAdvice(api) {
  const { name } = await api.get("/v1/models/default");
  byId("advice")?.remove();
  if (name !== null || !byId("welcome").hasChildNodes()) return;
  const words = t("No language model is the default: answers are quotations. Connect one with `kb models discover --use`.");
  byId("welcome").append(element("p", { class: "notice", id: "advice" }, words));
}

function greeting(app, ask) {
  const suggestions = app.suggested_questions ?? [];
  const buttons = suggestions.map((question) =>
    element("button", { type: "button", class: "suggestion", onclick: () => ask(question) }, question),
  );
  return [
    element("div", { class: "app-icon", "aria-hidden": "true" }, symbol(app)),
    element("h1", {}, app.name),
    element("p", { class: "opening" }, app.opening || t("Ask a question about the documents.")),
    ...(app.warnings ?? []).map(({ detail }) => element("p", { class: "notice" }, detail)), // admins
    ...(buttons.length > 0 ? [element("div", { class: "suggestions" }, ...buttons)] : []),
  ];
}

// An icon is a character or two; an address is never loaded.
function symbol({ icon, name }) {
  const characters = [...(icon ?? "")];
  return characters.length > 0 && characters.length <= 4 ? icon : [...name][0] ?? "?";
}

function nothingYet(kind) {
  const lines = [
    element("h1", {}, t("Nothing to talk to yet")),
    element("p", { class: "opening" }, t("An app answers questions from documents. None is published.")),
  ];
  if (kind === "admin") {
    const link = element("a", { class: "button primary", href: "/console/knowledge" }, t("Add documents"));
    lines.push(element("p", {}, link));
  }
  return lines;
}
