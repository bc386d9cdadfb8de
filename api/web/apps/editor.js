// The editor of one app: what it says and from what, beside a chat to try it. Changes are saved by
// themselves into the draft; publishing lets them answer.

import { Problem, describe } from "../shared/api.js";
import { button, complain, link, tabs, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { Draft } from "./draft.js";
import { drawKnowledge } from "./knowledge-tab.js";
import { drawModels } from "./model-tab.js";
import { drawPrompt } from "./prompt-tab.js";
import { drawShare } from "./share-tab.js";
import { TryIt } from "./try-it.js";
import { drawVersions } from "./versions-tab.js";
import { drawWelcome } from "./welcome-tab.js";

const TABS = [
  ["prompt", t("Instructions"), drawPrompt],
  ["knowledge", t("Knowledge"), drawKnowledge],
  ["model", t("Model"), drawModels],
  ["welcome", t("Welcome"), drawWelcome],
  ["versions", t("Versions"), drawVersions],
  ["share", t("Share"), drawShare],
];

export async function open({ api, params, root, title, actions, go }) {
  const path = `/v1/apps/${encodeURIComponent(params.slug)}`;
  const app = await api.get(path);
  const state = element("span", { class: "fine", role: "status" });
  const warnings = element("ul", { class: "problems warm", "aria-label": t("Warnings") });
  const draft = new Draft(api, `${path}/draft`, (kind, detail) => {
    state.textContent = STATE[kind];
    if (kind === "failed") toast(isStale(detail) ? t("Somebody else has changed this draft. Load the page again.") : describe(detail).detail, "bad");
    if (kind === "saved") warnings.replaceChildren(...detail.warnings.map((one) => element("li", {}, one.detail)));
    if (kind === "saved") root.dispatchEvent(new CustomEvent("draft-saved", { detail }));
  });
  await draft.load();
  state.textContent = "";
  const context = { api, app, path, draft, root, go, rename: () => title(app.name) };
  const tryIt = new TryIt(context);
  const publish = button(t("Publish"), () => publishNow(context), { kind: "primary" });
  title(app.name);
  actions(state, link(t("Open the chat"), `/?app=${app.slug}`, { kind: "quiet", symbol: "chat" }), publish);
  const pages = TABS.map(([id, label, draw]) => ({ id, label, draw: (panel) => draw({ ...context, panel }) }));
  const asked = new URLSearchParams(location.search).get("tab") ?? "prompt";
  const { bar, panel } = tabs(pages, asked, (id) => history.replaceState(null, "", `?tab=${id}`));
  root.classList.add("editor");
  root.append(element("div", { class: "editor-main" }, bar, warnings, panel), tryIt.root);
  return () => {
    tryIt.stop();
    if (draft.hasUnsaved) draft.save().catch(() => {});
  };
}

const STATE = { changed: t("Saving…"), saved: t("Draft saved"), failed: t("Not saved") };

const isStale = (error) => error instanceof Problem && error.status === 412;

async function publishNow({ api, app, path, draft, root }) {
  try {
    await draft.save();
    const { version } = await api.post(`${path}/publish`);
    app.version = version;
    toast(t("Version {n} answers now.", { n: version }));
    root.dispatchEvent(new CustomEvent("published"));
  } catch (error) {
    complain(error);
  }
}
