// The words of the pages in the reader's language. English stands where it is used; another
// language is a table from it, loaded only for those who read it.

const TABLES = { zh: () => import("../words/zh.js") };
const KEY = "kb.language";

export const LANGUAGES = { en: "English", zh: "中文" };

export const language = chosen();
document.documentElement.lang = language;

const { default: table = {}, server = {} } = (await TABLES[language]?.()) ?? {};

// A text in the reader's language; `{name}` in it becomes the value of that name.
export function t(text, values = {}) {
  let shown = table[text] ?? text;
  for (const [name, value] of Object.entries(values)) shown = shown.replaceAll(`{${name}}`, value);
  return shown;
}

// What the server says by a code, as of a file that failed; in English with all of its details.
export const told = ({ code, detail, count: n }) => server[code]?.replaceAll("{n}", n) ?? detail;

// One text for one and another for more, with the number as {n}.
export const count = (n, one, more) => t(n === 1 ? one : more, { n: n.toLocaleString(language) });

export function chooseLanguage(code) {
  localStorage.setItem(KEY, code);
  location.reload();
}

// Puts what stands in the page's own HTML into the reader's language.
export function translatePage() {
  if (language === "en") return;
  document.title = t(document.title);
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.textContent.trim());
  for (const name of ["aria-label", "title", "placeholder"]) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      node.setAttribute(name, t(node.getAttribute(name)));
    }
  }
}

const DAY = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
export const day = (moment) => DAY.format(new Date(moment));
export const minute = (moment) => MINUTE.format(new Date(moment));

// A size as files are shown: 1.4 MB.
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let value = number;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step > 0 && value < 10 ? 1 : 0;
  return `${value.toLocaleString(language, { maximumFractionDigits: digits })} ${units[step]}`;
}

function chosen() {
  const wished = localStorage.getItem(KEY) ?? navigator.language ?? "en";
  return wished.toLowerCase().startsWith("zh") ? "zh" : "en";
}
