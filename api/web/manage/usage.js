// What answers have used and cost: by day as a chart, by everything else as a table, base and tuned
// side by side; the same as CSV.

import { describe } from "../shared/api.js";
import { drawBudgets } from "./budgets.js";
import { barChart } from "../shared/chart.js";
import { choice, field, link, table, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { language, t } from "../shared/words.js";

const KINDS = [["app", t("App")], ["model", t("Model")], ["variant", t("Usual and fine-tuned")], ["user", t("User")], ["key", t("Key")], ["day", t("Day")]];
const DAYS = 30;
const SHOWN = 200;
const DAY_MS = 24 * 3600 * 1000;

export async function open({ api, root, title, actions }) {
  title(t("Usage"));
  const apps = await api.list("/v1/apps");
  const names = new Map(apps.flatMap(({ id, slug, name }) => [[id, name], [slug, name]]));
  const wanted = { by: "app", app: "", since: new Date(Date.now() - DAYS * DAY_MS).toISOString().slice(0, 10) };
  const chart = element("div", { class: "stack" });
  const list = element("div");
  const draw = async () => {
    const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
    actions(link(t("Save as CSV"), `/v1/usage?${new URLSearchParams({ ...query, format: "csv" })}`, { kind: "quiet", symbol: "download" }));
    try {
      const [days, found] = await Promise.all([api.list("/v1/usage", { ...query, by: "day" }), api.get("/v1/usage", { ...query, limit: SHOWN })]);
      chart.replaceChildren(...charts(days));
      list.replaceChildren(rows(wanted.by, found.data, names), found.next ? element("p", { class: "fine" }, t("The first {n} are shown.", { n: SHOWN })) : "");
    } catch (error) {
      list.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
    }
  };
  const set = (key) => (value) => {
    wanted[key] = value;
    draw();
  };
  root.append(
    element("section", { class: "panel" }, element("div", { class: "grid" },
      field(t("Since"), textBox(wanted.since, set("since"), { type: "date" })),
      field(t("App"), choice([["", t("All apps")], ...apps.map(({ slug, name }) => [slug, name])], "", set("app"))),
      field(t("Grouped by"), choice(KINDS, "app", set("by"))))),
    element("section", { class: "panel" }, chart), element("section", { class: "panel" }, list));
  await draw();
  root.append(await drawBudgets(api, apps));
}

function charts(days) {
  const sums = (read) => {
    const byDay = new Map();
    for (const day of days) byDay.set(day.name, (byDay.get(day.name) ?? 0) + read(day));
    return [...byDay].map(([name, value]) => [name.slice(5), value]);
  };
  return [element("div", { class: "columns" }, barChart(t("Answers a day"), sums(({ answers }) => answers)),
    barChart(t("Tokens a day"), sums(({ prompt_tokens: read, completion_tokens: written }) => read + written)))];
}

function rows(by, data, names) {
  const heads = [KINDS.find(([id]) => id === by)[1], t("Answers"), t("Tokens read"), t("Tokens written"), t("Cost"), t("A cost for each answer"), t("First word"), t("Refused"), t("Good / bad")];
  const lines = data.map((one) => {
    const name = names.get(one.name) ?? ({ base: t("Usual model"), tuned: t("Fine-tuned model") }[one.name] ?? (one.name || "–"));
    const money = (value) => (value ? `${value.toLocaleString(language, { maximumSignificantDigits: 3 })} ${one.currency ?? ""}` : "–");
      return [
      name, number(one.answers), number(one.prompt_tokens), number(one.completion_tokens), money(one.cost), one.answers ? money(one.cost / one.answers) : "–",
      one.first_token_ms ? `${Math.round(one.first_token_ms)} ms` : "–", one.refusals === null ? "–" : number(one.refusals),
      one.likes === null ? "–" : `${one.likes} / ${one.dislikes}`,
    ];
  });
  if (lines.length === 0) return element("p", { class: "fine" }, t("Nothing was asked in this time."));
  return table(t("Usage"), heads, lines);
}

const number = (value) => (value ?? 0).toLocaleString(language);
