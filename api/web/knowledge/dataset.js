// One knowledge base: its documents, a search to try, how its documents are prepared.

import { button, tabs } from "../shared/controls.js";
import { t } from "../shared/words.js";
import { DocumentsTab } from "./documents-tab.js";
import { SearchTab } from "./search-tab.js";
import { drawSettings } from "./settings-tab.js";
import { newAppFor } from "../shared/new-app.js";

export async function open({ api, params, root, go, title, actions }) {
  const path = `/v1/datasets/${encodeURIComponent(params.id)}`;
  const dataset = await api.get(path);
  title(dataset.name);
  actions(button(t("Create an app from it"), async () => {
    const app = await newAppFor(api, dataset);
    go(`/console/apps/${app.slug}`);
  }, { kind: "primary", symbol: "plus" }));
  const documents = new DocumentsTab(api, dataset);
  const asked = new URLSearchParams(location.search).get("tab") ?? "documents";
  const remember = (id) => history.replaceState(null, "", `?tab=${id}`);
  const { bar, panel } = tabs(
    [
      { id: "documents", label: t("Documents"), draw: (panel) => documents.draw(panel) },
      { id: "search", label: t("Try a search"), draw: (panel) => new SearchTab(api, dataset).draw(panel) },
      { id: "settings", label: t("Preparation"), draw: (panel) => drawSettings({ api, dataset, path, panel, go }) },
    ],
    asked,
    remember,
  );
  root.append(bar, panel);
  return () => documents.stop();
}
