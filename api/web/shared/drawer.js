// The side bar on narrow screens: a drawer that a button opens, and Escape, the backdrop or a choice
// in it closes. On wide screens it always stands open and this changes nothing.

import { byId } from "./dom.js";

export function openDrawer() {
  const narrow = matchMedia("(max-width: 60rem)");
  const drawer = byId("sidebar");
  const opener = byId("menu");
  const set = (open) => {
    document.body.classList.toggle("drawer-open", open);
    opener.setAttribute("aria-expanded", String(open));
    drawer.inert = narrow.matches && !open;
    byId("main").inert = narrow.matches && open;
  };
  opener.addEventListener("click", () => {
    set(true);
    drawer.querySelector("button, a")?.focus();
  });
  const close = () => {
    if (!document.body.classList.contains("drawer-open")) return;
    set(false);
    opener.focus();
  };
  byId("backdrop").addEventListener("click", close);
  drawer.addEventListener("click", (event) => {
    if (event.target.closest("[data-closes], .conversation")) close();
  });
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  narrow.addEventListener("change", () => set(false));
  set(false);
}
