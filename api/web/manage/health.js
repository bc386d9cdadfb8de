// How the server does: what is ready, what waits, whether all that is stored is whole.

import { describe } from "../shared/api.js";
import { button } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

export async function open({ api, root, title }) {
  title(t("Health"));
  const [ready, { version }] = await Promise.all([api.get("/readyz"), api.get("/healthz")]);
  const parts = Object.entries(ready.checks).map(([name, isReady]) => row(name.replaceAll("_", " "), isReady ? t("ready") : t("starting")));
  const facts = [row(t("Version"), version), ...parts,
    row(t("Indexes that are being checked"), ready.indexes_unchecked), row(t("Indexes that are being made anew"), ready.indexes_damaged)];
  const found = element("div", { class: "stack" });
  root.append(
    element("section", { class: "panel" }, element("h2", {}, t("Server")), element("table", {}, element("tbody", {}, ...facts))),
    element("section", { class: "panel" }, element("h2", {}, t("Check")), element("p", { class: "fine" }, t("Looks at the database, every original, both indexes, and asks them real questions.")),
      element("div", { class: "row" }, button(t("Check now"), () => check(api, found, false), { kind: "primary" }), button(t("Check and repair"), () => check(api, found, true))), found),
  );
}

const row = (name, value) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, String(value)));

async function check(api, root, repair) {
  root.replaceChildren(element("p", { class: "progress" }, t("Checking")));
  try {
    const response = await api.send("POST", "/v1/fsck", { query: { repair } });
    const { clean, documents, chunks, violations, repaired, advice } = await response.json();
    const verdict = clean ? t("Everything is consistent.") : t("{n} things are not as they should be.", { n: violations.length });
    const numbers = t("{documents} documents, {chunks} passages", { documents: documents ?? "?", chunks: chunks ?? "?" });
    const lines = [...violations.map(({ code, detail }) => `${code}: ${detail}`), ...advice, ...repaired];
    root.replaceChildren(element("p", { class: clean ? "good" : "failure" }, verdict), element("p", { class: "fine" }, numbers),
      element("ul", { class: "problems" }, ...lines.map((text) => element("li", {}, text))));
  } catch (error) {
    root.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
  }
}
