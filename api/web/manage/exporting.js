// The conversations of a list as a file, each answer a row: CSV for spreadsheets, or JSON.

import { dialog } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { saveFile } from "../shared/files.js";
import { count, t } from "../shared/words.js";

const COLUMNS = ["conversation", "app", "user", "at", "question", "answer", "model", "outcome", "grounded", "rating", "remark"];
const FORMULA = "=+-@\t\r"; // how a text begins that a spreadsheet takes for a formula

export function exportDialog(api, conversations, apps) {
  const said = element("p", { role: "status" }, t("Every question with its answer, of {what}.", { what: count(conversations.length, "{n} conversation", "{n} conversations") }));
  const run = (format) => async () => {
    const rows = [];
    for (const [at, conversation] of conversations.entries()) {
      said.textContent = t("Reading: {done}", { done: `${at + 1} / ${conversations.length}` });
      const messages = await api.list(`/v1/conversations/${encodeURIComponent(conversation.id)}/messages`);
      rows.push(...messages.map((message) => rowOf(conversation, message, apps)));
    }
    const text = format === "csv" ? csv(rows) : `${JSON.stringify(rows, null, 2)}\n`;
    saveFile(text, `conversations.${format}`, format === "csv" ? "text/csv" : "application/json");
  };
  dialog(t("Export"), [said], [{ label: "CSV", kind: "primary", run: run("csv") }, { label: "JSON", run: run("json") }]);
}

function rowOf({ id, app_id: app, user }, message, apps) {
  const { created_at: at, query, answer, status, finish_reason: finish, grounded, route, feedback } = message;
  const row = [id, apps.get(app) ?? app, user ?? "", at, query, answer, route.model, finish ?? status, String(grounded), feedback?.rating ?? "", feedback?.text ?? ""];
  return Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]]));
}

function csv(rows) {
  const cell = (text) => `"${(text !== "" && FORMULA.includes(text[0]) ? `'${text}` : text).replaceAll('"', '""')}"`;
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))];
  return `\ufeff${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}
