// How the page of a visitor looks where a website says so: ?theme=light|dark, ?color=%23rrggbb, ?title=….

import { byId } from "./dom.js";

const COLOR = /^#[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/i;

export function wearLook(parameters, { name }) {
  const root = document.documentElement;
  const theme = parameters.get("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const color = parameters.get("color") ?? "";
  if (COLOR.test(color)) {
    root.style.setProperty("--brand", color);
    root.dataset.brand = isLight(color) ? "light" : "dark";
  }
  const title = document.createElement("strong");
  title.textContent = parameters.get("title") || name;
  byId("app").after(title);
  byId("app").hidden = true;
}

function isLight(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150;
}
