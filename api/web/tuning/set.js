// One training set: rows from a file or from an app's answers, what the check says, and each row to
// approve, change or leave out. Every change makes a new version.

import { button, choice, complain, confirmed, dialog, field, serverSays, table, textBox } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { count, t } from "../shared/words.js";

const SHOWN = 100;
const MOST = 20_000;

export async function open(context) {
  const { api, params, root, title, actions, go } = context;
  const path = `/v1/tuning/sets/${encodeURIComponent(params.name)}`;
  const set = await api.get(path);
  const redraw = () => {
    root.replaceChildren();
    return open(context);
  };
  title(set.name);
  actions(
    button(t("Delete"), async () => {
      if (!(await confirmed(t("Delete “{name}”?", { name: set.name }), t("Delete")))) return;
      await api.delete(path).then(() => go("/console/tuning"), complain);
    }, { kind: "danger", symbol: "trash" }),
  );
  root.append(element("p", {}, element("a", { href: "/console/tuning" }, t("All of fine-tuning"))), element("section", { class: "panel" }, element("h2", {}, t("Add rows")), adding(api, path, redraw)));
  if (set.versions === 0) return;
  const { data } = await api.get(`${path}/versions`, { limit: 1 });
  const version = data[0];
  root.append(report(version), await rows(api, path, version, redraw));
}

function adding(api, path, redraw) {
  const input = element("input", { type: "file", hidden: true, "aria-label": t("File with rows"), accept: ".csv,.json,.jsonl,.parquet" });
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    send(api, path, file, { append: true }).then(redraw, complain);
  });
  const collect = async () => {
    const apps = await api.list("/v1/apps");
    let app = apps[0]?.slug;
    dialog(t("Take answers of an app"), [element("p", { class: "fine" }, t("Fixed answers, better answers from feedback, and answers that were liked.")), field(t("App"), choice(apps.map(({ slug, name }) => [slug, name]), app, (value) => (app = value)))], [{
      label: t("Take them"), kind: "primary",
      run: async () => {
        await api.post(`${path}/collect`, { app });
        await redraw();
      },
    }]);
  };
  return element("div", { class: "row" }, input, button(t("From a file (CSV, JSON, JSONL, Parquet)"), () => input.click(), { symbol: "upload" }), button(t("From the answers of an app"), collect));
}

// Sends rows as a file, which becomes the next version.
function send(api, path, file, options) {
  const body = new FormData();
  body.append("file", file, file.name);
  body.append("options", JSON.stringify(options));
  return api.form(`${path}/versions`, body);
}

function report({ number, rows: n, splits, report: { findings = [] } }) {
  const parts = Object.entries(splits).map(([name, many]) => `${name} ${many}`).join(", ");
  const blocking = findings.filter(({ blocks }) => blocks).length;
  const verdict = blocking > 0 ? t("This version cannot be trained on yet.") : t("This version can be trained on.");
  const lines = findings.map((one) => serverSays("li", { class: one.blocks ? "failure" : "notice" }, one));
  return element("section", { class: "panel" }, element("h2", {}, t("Version {n}", { n: number })), element("p", {}, [count(n, "{n} row", "{n} rows"), parts].filter(Boolean).join(" · ")), element("p", { class: blocking > 0 ? "failure" : "good" }, verdict), element("ul", { class: "stack plain" }, ...lines));
}

// The rows as a table to edit; saving makes the next version.
async function rows(api, path, { number, rows: total }, redraw) {
  const all = (await api.list(`${path}/versions/${number}/rows`, {}, MOST)).map(({ row }) => row);
  if (total > all.length) return element("section", { class: "panel" }, element("p", {}, t("{total} rows are too many to be changed here: change the file, and add it anew.", { total })));
  const kept = new Set(all.keys());
  const hasLabels = all.some(({ label }) => label);
  const save = button(t("Save as a new version"), async () => {
    const text = [...kept].map((i) => JSON.stringify(all[i])).join("\n");
    await send(api, path, new File([text], "rows.jsonl"), { append: false }).then(redraw, complain);
  }, { kind: "primary", disabled: true });
  const changed = () => (save.disabled = kept.size === 0);
  const list = element("div");
  const heads = [t("Question"), t("Answer"), ...(hasLabels ? [t("Label")] : []), ""];
  const draw = (first) => {
    const shown = [...kept].slice(first, first + SHOWN);
    const lines = shown.map((i) => rowNode(all[i], hasLabels, changed, (node) => {
      kept.delete(i);
      node.remove();
      changed();
    }));
    list.replaceChildren(kept.size > SHOWN ? pager(first, kept.size, draw) : "", table(t("Rows"), heads, lines));
  };
  draw(0);
  return element("section", { class: "panel" }, element("div", { class: "row" }, element("h2", {}, t("Rows")), save), list);
}

// Which rows are shown, and the way to those before and behind them; what was changed stays changed.
function pager(first, total, show) {
  const step = (label, to) => button(label, () => show(to), { kind: "quiet", disabled: to < 0 || to >= total });
  const last = Math.min(first + SHOWN, total);
  return element("div", { class: "row" }, step(t("Rows before"), first - SHOWN), element("span", { class: "fine" }, t("Rows {first} to {last} of {total}", { first: first + 1, last, total })), step(t("Rows behind"), first + SHOWN));
}

function rowNode(row, hasLabels, changed, drop) {
  const turn = (role) => row.messages.findLast((one) => one.role === role);
  const box = (one, label) => one ? textBox(one.content, (text) => { one.content = text; changed(); }, { rows: 2, "aria-label": label }) : "";
  const label = textBox(row.label ?? "", (text) => { row.label = text; changed(); }, { "aria-label": t("Label") });
  const node = element("tr", {}, element("td", {}, box(turn("user"), t("Question"))), element("td", {}, box(turn("assistant"), t("Answer"))), ...(hasLabels ? [element("td", {}, label)] : []));
  node.append(element("td", { class: "actions" }, iconButton("trash", t("Leave this row out"), () => drop(node))));
  return node;
}
