// Starts the console: the session, the side bar, and the page that the address names. Pages change
// without loading the document again; the address always says where one is.

import { Api, describe } from "../shared/api.js";
import { button, choice, emptyState, link } from "../shared/controls.js";
import { byId, element, icon } from "../shared/dom.js";
import { openDrawer } from "../shared/drawer.js";
import { LANGUAGES, chooseLanguage, language, t, translatePage } from "../shared/words.js";
import { NAVIGATION, ROOT, pageOf } from "./routes.js";

class Console {
  #leave = null;
  #visit = 0;

  constructor(api) {
    this.api = api;
    this.#drawNavigation();
    addEventListener("popstate", () => this.show());
    document.addEventListener("click", (event) => this.#followLink(event));
  }

  // Goes to an address of the console.
  go(path, { replace = false } = {}) {
    history[replace ? "replaceState" : "pushState"](null, "", path);
    return this.show();
  }

  async show() {
    const visit = (this.#visit += 1);
    this.#leave?.();
    this.#leave = null;
    this.#markCurrent();
    const found = pageOf(location.pathname);
    const root = element("div", { class: "page" });
    byId("page").replaceChildren(root);
    byId("actions").replaceChildren();
    delete document.body.dataset.ready;
    try {
      if (found) await this.#open(found, root, visit);
      else this.#unknown(root);
    } catch (error) {
      root.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
    }
    if (visit === this.#visit) document.body.dataset.ready = "true";
  }

  async #open({ load, params }, root, visit) {
    const { open } = await load();
    const isHere = () => visit === this.#visit;
    const context = {
      api: this.api,
      params,
      root,
      isHere,
      go: (path, options) => this.go(path, options),
      title: (text) => isHere() && this.#title(text),
      actions: (...nodes) => isHere() && byId("actions").replaceChildren(...nodes),
    };
    const leave = await open(context);
    if (isHere()) this.#leave = leave ?? null;
    else leave?.();
  }

  #title(text) {
    byId("title").textContent = text;
    document.title = `${text} · Citewell`;
  }

  #unknown(root) {
    this.#title(t("Not found"));
    const home = link(t("To the knowledge bases"), `${ROOT}/knowledge`, { kind: "primary" });
    root.append(emptyState(t("There is no such page"), t("The address may be wrong, or what it named was deleted."), home));
  }

  #drawNavigation() {
    const links = NAVIGATION.map(([path, name, symbol]) =>
      element("a", { href: path, "data-closes": true }, icon(symbol), name));
    byId("nav").replaceChildren(...links);
    byId("nav-foot").replaceChildren(
      choice(Object.entries(LANGUAGES), language, chooseLanguage, { "aria-label": t("Language") }),
      button(t("Sign out"), async () => {
        await this.api.post("/logout");
        location.replace("/login");
      }, { kind: "quiet" }),
    );
  }

  #markCurrent() {
    const here = location.pathname === ROOT ? `${ROOT}/knowledge` : location.pathname;
    for (const one of byId("nav").children) {
      const path = one.getAttribute("href");
      const isCurrent = path !== "/" && (here === path || here.startsWith(`${path}/`));
      if (isCurrent) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
  }

  #followLink(event) {
    const anchor = event.target.closest?.("a[href]");
    const isPlain = !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!anchor || !isPlain || anchor.target) return;
    const url = new URL(anchor.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(ROOT)) return;
    event.preventDefault();
    this.go(url.pathname + url.search);
  }
}

translatePage();
openDrawer();
const api = await Api.open();
await new Console(api).show();
