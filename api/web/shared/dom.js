// Builds DOM nodes. Data only ever becomes text or an attribute value: nothing here, and nothing
// that uses it, assigns innerHTML.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  chat: "M5 5h14v11H10l-5 4z",
  apps: "M5 5h6v6H5zM13 5h6v6h-6zM5 13h6v6H5zM13 13h6v6h-6z",
  edit: "M5 19h4L19 9l-4-4L5 15z",
  speak: "M5 10v4h3l5 4V6L8 10zM16 9a4 4 0 0 1 0 6",
  up: "M7 11v9H4v-9zM7 11l4-7 2 1-1 5h6l1 2-2 8H7",
  down: "M7 13V4H4v9zM7 13l4 7 2-1-1-5h6l1-2-2-8H7",
  download: "M12 5v10M7 11l5 5 5-5M5 19h14",
  model: "M7 7h10v10H7zM10 4v3M14 4v3M10 17v3M14 17v3M4 10h3M4 14h3M17 10h3M17 14h3",
  pulse: "M4 12h4l2-5 4 10 2-5h4",
  queue: "M5 6h14M5 12h9M5 18h6M16 17l2 2 3-4",
  chart: "M5 19V5M5 19h14M9 16v-5M13 16V8M17 16v-3",
  measure: "M4 8h16v8H4zM8 8v3M12 8v5M16 8v3",
  tune: "M5 8h8M17 8h2M5 16h2M11 16h8M15 6v4M9 14v4",
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  retry: "M19 12a7 7 0 1 1-2.05-4.95M19 4v4h-4",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  file: "M7 4h7l4 4v12H7zM14 4v4h4",
  upload: "M12 16V5M7 10l5-5 5 5M5 19h14",
  search: "M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zM16 16l4 4",
  open: "M10 6H6v12h12v-4M13 5h6v6M19 5l-8 8",
};

// An element with attributes and children. `on…` attributes are listeners; `undefined`, `null` and
// `false` leave an attribute out. Children are nodes, strings, which become text, and lists of them.
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

// A decorative line icon; the control that holds it needs a name of its own.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// A button that shows an icon and is named for those who cannot see it.
export function iconButton(name, label, onclick, attributes = {}) {
  return element(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...attributes },
    icon(name),
  );
}

export const byId = (id) => document.getElementById(id);
