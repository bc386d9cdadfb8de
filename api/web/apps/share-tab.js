// How others reach the app: a link, a line for a website, keys for programs, and their limits.

import { button, complain, confirmed, copyButton, dialog, field, textBox, toast } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { day, t } from "../shared/words.js";

const KINDS = { widget: t("link or website"), app: t("program") };

export async function drawShare(context) {
  const { api, app, path, panel, root } = context;
  const made = element("div", { class: "stack" });
  const list = element("div", { class: "stack" });
  const draw = () => drawKeys(api, app, path, list);
  const origins = { text: "" };
  const make = (body, show) => async () => {
    try {
      const key = await api.post(`${path}/keys`, body());
      made.replaceChildren(...show(key));
      await draw();
    } catch (error) {
      complain(error);
    }
  };
  const shareLink = make(() => ({ kind: "widget", name: t("Share link"), origins: [location.origin] }), ({ key }) => [
    shownLink(app, key)]);
  const site = make(() => ({ kind: "widget", name: t("Website"), origins: asked(origins.text) }), ({ key }) => [
    shownCode(app, key)]);
  const program = make(() => ({ kind: "app", name: t("Program") }), ({ key }) => [
    shown(t("This key is shown once. Existing chat clients use it with the address below."), key), shown(t("Address for OpenAI clients; the model is the name of the app"), `${location.origin}/openai/v1`)]);
  const notice = element("p", { class: "notice", hidden: app.version !== null }, t("Nothing is published yet: publish first, then the link answers."));
  root.addEventListener("published", () => (notice.hidden = true));
  panel.append(
    element("section", { class: "panel" }, element("h2", {}, t("Share")), notice,
      element("div", { class: "row" }, button(t("Create a share link"), shareLink, { kind: "primary", symbol: "open" }), button(t("Create a key for a program"), program)),
      element("div", { class: "row" }, textBox("", (text) => (origins.text = text), { placeholder: "https://shop.example", "aria-label": t("Address of the website") }), button(t("Create code for a website"), site)),
      made),
    element("section", { class: "panel" }, element("h2", {}, t("Links and keys")), list),
    await limits(api, path),
  );
  await draw();
}

const asked = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

const shownLink = ({ slug }, key) => shown(t("Whoever has this link can ask questions."), `${location.origin}/chat/${slug}#${key}`);

const shownCode = ({ slug }, key) => shown(t("Put this line into the pages of your website:"),
  `<script src="${location.origin}/widget.js" data-app="${slug}" data-key="${key}" async></script>`);

function shown(label, text) {
  const box = textBox(text, () => {}, { readonly: true, class: "code", onfocus: () => box.select() });
  return element("div", { class: "row shown-once" }, field(label, box), copyButton(t("Copy"), () => text));
}

// The link or the line of code that was made before.
async function reveal(api, app, { id, name, origins }) {
  const { key } = await api.post(`/v1/keys/${id}/reveal`);
  const isLink = origins.length === 1 && origins[0] === location.origin;
  dialog(name || id, [isLink ? shownLink(app, key) : shownCode(app, key)], []);
}

async function drawKeys(api, app, path, root) {
  const keys = (await api.list(`${path}/keys`)).filter(({ revoked_at: gone }) => gone === null).reverse(); // the newest first
  const end = (key) => async () => {
    if (!(await confirmed(t("End “{name}”? Whoever uses it is cut off.", { name: key.name || key.id }), t("End it")))) return;
    await api.delete(`/v1/keys/${key.id}`).catch(complain);
    await drawKeys(api, app, path, root);
  };
  const rows = keys.map((key) => element("div", { class: "row version" },
    element("strong", {}, key.name || key.id), element("span", { class: "status" }, KINDS[key.kind] ?? key.kind),
    element("span", { class: "fine" }, [key.origins.join(", "), day(key.created_at)].filter(Boolean).join(" · ")),
    key.kind === "widget" ? button(t("Show"), () => reveal(api, app, key).catch(complain), { kind: "quiet", "aria-label": t("Show {name}", { name: key.name || key.id }) }) : null,
    iconButton("trash", t("End {name}", { name: key.name || key.id }), end(key))));
  root.replaceChildren(...(rows.length > 0 ? rows : [element("p", { class: "fine" }, t("Nobody but you can use this app yet."))]));
}

async function limits(api, path) {
  const access = await api.get(`${path}/access`);
  const number = (key, label) => {
    const set = (text) => (access.limits[key] = text === "" ? null : Number(text));
    return field(label, textBox(access.limits[key], set, { type: "number", min: 1, placeholder: t("no limit") }));
  };
  const save = () => api.put(`${path}/access`, access).then(() => toast(t("Saved")), complain);
  return element("section", { class: "panel" }, element("h2", {}, t("Limits of each link and key")),
    element("div", { class: "grid" }, number("requests_per_minute", t("Questions a minute")), number("concurrent_streams", t("Answers at once")), number("tokens_per_day", t("Tokens a day"))),
    element("div", { class: "row" }, button(t("Save"), save)));
}
