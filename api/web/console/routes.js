// The addresses of the console and the module behind each. A page is `open(context)`; it draws into
// `context.root` and may return a function that is called when the person leaves.

import { t } from "../shared/words.js";

export const ROOT = "/console";

const PAGES = [
  ["knowledge", () => import("../knowledge/list.js")],
  ["knowledge/:id", () => import("../knowledge/dataset.js")],
  ["knowledge/:id/documents/:document", () => import("../knowledge/document.js")],
  ["apps", () => import("../apps/list.js")],
  ["apps/:slug", () => import("../apps/editor.js")],
  ["models", () => import("../manage/models.js")],
  ["conversations", () => import("../manage/conversations.js")],
  ["conversations/:id", () => import("../manage/conversations.js")],
  ["review", () => import("../manage/review.js")],
  ["usage", () => import("../manage/usage.js")],
  ["evaluation", () => import("../evaluation/list.js")],
  ["evaluation/sets/:id", () => import("../evaluation/set.js")],
  ["evaluation/runs/:id", () => import("../evaluation/run.js")],
  ["tuning", () => import("../tuning/list.js")],
  ["tuning/sets/:name", () => import("../tuning/set.js")],
  ["tuning/jobs/:id", () => import("../tuning/job.js")],
  ["health", () => import("../manage/health.js")],
];

// What stands in the side bar: [address, name, icon].
export const NAVIGATION = [
  ["/", t("Chat"), "send"],
  [`${ROOT}/knowledge`, t("Knowledge bases"), "file"],
  [`${ROOT}/apps`, t("Apps"), "apps"],
  [`${ROOT}/models`, t("Models"), "model"],
  [`${ROOT}/conversations`, t("Conversations"), "chat"],
  [`${ROOT}/review`, t("Review"), "queue"],
  [`${ROOT}/evaluation`, t("Evaluation"), "measure"],
  [`${ROOT}/usage`, t("Usage"), "chart"],
  [`${ROOT}/tuning`, t("Fine-tuning"), "tune"],
  [`${ROOT}/health`, t("Health"), "pulse"],
];

// The page behind a path, as {load, params}; null if there is none.
export function pageOf(path) {
  if (path !== ROOT && !path.startsWith(`${ROOT}/`)) return null;
  const asked = path.slice(ROOT.length).split("/").filter(Boolean);
  const parts = asked.length > 0 ? asked : ["knowledge"];
  for (const [pattern, load] of PAGES) {
    const params = matched(pattern.split("/"), parts);
    if (params) return { load, params };
  }
  return null;
}

function matched(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [i, name] of pattern.entries()) {
    if (name.startsWith(":")) params[name.slice(1)] = decodeURIComponent(parts[i]);
    else if (name !== parts[i]) return null;
  }
  return params;
}
