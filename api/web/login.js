// Signs in with the admin key and goes back to where the person wanted to go.

import { Problem, describe } from "./shared/api.js";
import { byId } from "./shared/dom.js";
import { t, translatePage } from "./shared/words.js";

const STALE_LINK = t("This login link is of an earlier start. Open the one that kb serve printed last, or enter the admin key.");
const WRONG_KEY = t("This is not the admin key. Check it, or open the link that kb serve printed.");

translatePage();

const asked = new URLSearchParams(location.search);
if (asked.has("stale")) byId("error").textContent = STALE_LINK;

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  byId("error").textContent = "";
  try {
    await signIn(byId("key").value.trim());
    location.replace(destination());
  } catch (error) {
    const isWrong = error instanceof Problem && error.status === 401;
    byId("error").textContent = isWrong ? WRONG_KEY : describe(error).detail;
    byId("key").select();
    button.disabled = false;
  }
});

showVersion();

async function signIn(key) {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw await Problem.from(response);
}

async function showVersion() {
  const { version } = await (await fetch("/healthz")).json();
  byId("version").textContent = `Citewell ${version}`;
}

// Only a page of this server: anybody can put a `next` into a link.
function destination() {
  const next = new URL(asked.get("next") ?? "/", location.origin);
  return next.origin === location.origin ? next.pathname + next.search : "/";
}
