// What was published when, what differs from the draft, and going back.

import { button, complain, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { minute, t } from "../shared/words.js";

export async function drawVersions(context) {
  const { api, app, path, panel, draft, root } = context;
  const list = element("div", { class: "stack" });
  const difference = element("div", { class: "stack" });
  panel.append(element("section", { class: "panel" }, element("h2", {}, t("Published versions")), list), difference);
  const draw = async () => {
    const { data } = await api.get(`${path}/versions`);
    if (data.length === 0) return list.replaceChildren(element("p", { class: "fine" }, t("Nothing is published yet. Publish lets the draft answer.")));
    const rows = data.map(({ version, created_at: made }) => element("div", { class: "row version" },
      element("strong", {}, t("Version {n}", { n: version })), element("span", { class: "fine" }, minute(made)),
      version === app.version ? element("span", { class: "status ready" }, t("answers now")) : null,
      button(t("Compare with the draft"), () => compare(version), { kind: "quiet" }),
      version === app.version ? null : button(t("Answer with this one"), () => restore(version), { kind: "quiet" })));
    list.replaceChildren(...rows);
  };
  const compare = async (version) => {
    await draft.save();
    const { differences } = await api.get(`${path}/versions/compare`, { from: version, to: "draft" });
    difference.replaceChildren(shown(version, differences));
  };
  const restore = async (version) => {
    try {
      await api.post(`${path}/rollback`, { version });
      app.version = version;
      toast(t("Version {n} answers now.", { n: version }));
      await draw();
    } catch (error) {
      complain(error);
    }
  };
  root.addEventListener("published", () => panel.contains(list) && draw());
  await draw();
}

function shown(version, differences) {
  const title = t("From version {n} to the draft", { n: version });
  const rows = differences.map(({ field, from, to, diff }) => element("div", { class: "stack" }, element("h3", {}, field),
    diff ? element("pre", { class: "diff" }, ...diff.split("\n").map(diffLine))
      : element("p", {}, element("del", {}, JSON.stringify(from)), " → ", element("ins", {}, JSON.stringify(to)))));
  const same = element("p", { class: "fine" }, t("Nothing differs."));
  return element("section", { class: "panel" }, element("h2", {}, title), ...(rows.length > 0 ? rows : [same]));
}

function diffLine(line) {
  const tag = line.startsWith("+") ? "ins" : line.startsWith("-") ? "del" : "span";
  return element(tag, {}, `${line}\n`);
}
