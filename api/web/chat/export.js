// A conversation as a Markdown file, with what each answer was taken from.

import { t } from "../shared/words.js";

export function saveAsMarkdown(turns, name) {
  const text = turns.map(({ query, answer, citations }) => {
    const quotes = citations.map(({ n, document_name: document, page, quote }) =>
      `[${n}] ${document}, ${t("page {n}", { n: page })}: “${quote}”`);
    return [`## ${query}`, answer, ...new Set(quotes)].join("\n\n");
  });
  const file = new Blob([`# ${name}\n\n${text.join("\n\n")}\n`], { type: "text/markdown" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name}.md`;
  link.click();
  URL.revokeObjectURL(link.href);
}
