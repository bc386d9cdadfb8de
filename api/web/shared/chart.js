// Small charts as SVG, loaded by the pages that show one. What they show stands in a table as well.

import { element } from "./dom.js";
import { language, t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, WIDEST] = [480, 180, 44, 22, 48];

// Lines over numbers: `series` is [{name, points: [[x, y]]}]; `marks` [{x, name}] stand across them.
export function lineChart(label, series, marks = []) {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return element("p", { class: "fine" }, t("No figures yet."));
  const place = places(all);
  const lines = series.map(({ points }, i) => {
    const path = points.map(([x, y]) => place(x, y).map((one) => one.toFixed(1)).join(",")).join(" ");
    return shape("polyline", { points: path, class: `line series-${i}` });
  });
  const across = marks.flatMap(({ x, name }, i) => {
    const [left] = place(x, 0);
    return [shape("path", { d: `M${left.toFixed(1)} 4V${HEIGHT - BOTTOM}`, class: "mark" }), text(left + 4, HEIGHT / 2 + 16 * i, `${name} ${number(x)}`, "start")];
  });
  return figure(label, [...axes(all, place), ...lines, ...across], series.map(({ name }) => name));
}

// One bar for each [name, value].
export function barChart(label, values) {
  if (values.length === 0) return element("p", { class: "fine" }, t("No figures yet."));
  const most = Math.max(...values.map(([, value]) => value), 0) || 1;
  const step = (WIDTH - LEFT) / values.length;
  const bars = values.map(([name, value], i) => {
    const height = (value / most) * (HEIGHT - BOTTOM - 8);
    const width = Math.min(step * 0.7, WIDEST);
    const bar = shape("rect", { x: LEFT + (i + 0.5) * step - width / 2, y: HEIGHT - BOTTOM - height, width, height, class: "bar" });
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${name}: ${number(value)}`;
    bar.append(title);
    return bar;
  });
  const every = Math.ceil(values.length / 8);
  const names = values.flatMap(([name], i) => (i % every === 0 ? [text(LEFT + (i + 0.5) * step, HEIGHT - 6, name, "middle")] : []));
  return figure(label, [text(LEFT - 6, 14, number(most), "end"), ...bars, ...names], []);
}

function places(points) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(0, ...ys), Math.max(...ys)];
  return (x, y) => [
    LEFT + ((x - left) / (right - left || 1)) * (WIDTH - LEFT - 8),
    HEIGHT - BOTTOM - ((y - low) / (high - low || 1)) * (HEIGHT - BOTTOM - 8),
  ];
}

function axes(points, place) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [right, high, low] = [Math.max(...xs), Math.max(...ys), Math.min(0, ...ys)];
  return [
    shape("path", { d: `M${LEFT} 4V${HEIGHT - BOTTOM}H${WIDTH}`, class: "axis" }),
    text(LEFT - 6, place(right, high)[1] + 4, number(high), "end"), text(LEFT - 6, place(right, low)[1] + 4, number(low), "end"),
    text(LEFT, HEIGHT - 6, number(Math.min(...xs)), "start"), text(WIDTH - 4, HEIGHT - 6, number(right), "end"),
  ];
}

function figure(label, shapes, names) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  svg.append(...shapes);
  const legend = names.map((name, i) => element("span", { class: `legend series-${i}` }, name));
  return element("figure", {}, element("figcaption", {}, element("strong", {}, label), ...legend), svg);
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

function text(x, y, words, anchor) {
  const node = shape("text", { x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}

const number = (value) => value.toLocaleString(language, { maximumSignificantDigits: 3, notation: value >= 10000 ? "compact" : "standard" });
