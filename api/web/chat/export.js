// A conversation as a Markdown file, with what each answer was taken from.

import { saveFile } from "../shared/files.js";
import { t } from "../shared/words.js";

export function saveAsMarkdown(turns, name) {
  const text = turns.map(({ query, answer, citations }) => {
    const quotes = citations.map(({ n, document_name: document, page, quote }) =>
      `[${n}] ${document}, ${t("page {n}", { n: page })}: “${quote}”`);
    return [`## ${query}`, answer, ...new Set(quotes)].join("\n\n");
  });
  saveFile(`# ${name}\n\n${text.join("\n\n")}\n`, `${name}.md`, "text/markdown");
}
