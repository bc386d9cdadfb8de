// Starts the chat page: session, apps, and where the person was.

import { Api, describe } from "../shared/api.js";
import { translatePage } from "../shared/words.js";
import { ChatPage } from "./chat-page.js";
import { byId } from "../shared/dom.js";
import { openDrawer } from "../shared/drawer.js";

async function start() {
  translatePage();
  openDrawer();
  const api = await Api.open();
  document.body.classList.toggle("embedded", window.parent !== window);
  const apps = await api.list("/v1/apps");
  const page = new ChatPage(api, apps);
  await page.restore(new URLSearchParams(location.search));
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  byId("status").textContent = describe(error).detail;
  byId("status").classList.add("shown");
});
