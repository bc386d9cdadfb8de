// Signing in again without leaving the page: the session is lost, and what was typed is not.

import { Problem } from "./api.js";
import { dialog, field, textBox } from "./controls.js";
import { element } from "./dom.js";
import { t } from "./words.js";

const PAUSE_MS = 2_000; // what the page asks by itself meanwhile fails, and opens no other window

let asking = null;
let gaveUp = -PAUSE_MS;

// The CSRF token of a new session. Who gives up gets an error, and keeps the page as it is.
export function signInAgain() {
  if (asking === null && performance.now() - gaveUp < PAUSE_MS) return Promise.reject(lost());
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

const lost = () => new Problem(401, "unauthenticated", t("You are signed out. What you typed is still here."));

function ask() {
  return new Promise((resolve, reject) => {
    let key = "";
    const box = textBox("", (text) => (key = text), { type: "password", autocomplete: "current-password" });
    const enter = async () => {
      resolve(await begun(key.trim()));
      asked.removeEventListener("close", giveUp);
    };
    const asked = dialog(t("You are signed out"), [
      element("p", {}, t("Nothing that you have typed is lost. Sign in and go on.")),
      field(t("Admin key"), box, t("Or open a new login link in another tab, and then press “Sign in” with nothing typed here.")),
    ], [{ label: t("Sign in"), kind: "primary", run: enter }]);
    const giveUp = () => {
      gaveUp = performance.now();
      reject(lost());
    };
    asked.addEventListener("close", giveUp);
    box.focus();
  });
}

async function begun(key) {
  const body = JSON.stringify({ key });
  const headers = { "content-type": "application/json" };
  if (key !== "") await checked(await fetch("/login", { method: "POST", headers, body }));
  return (await checked(await fetch("/v1/session")).then((response) => response.json())).csrf;
}

async function checked(response) {
  if (response.status === 401) throw new Error(t("This is not the admin key, and nobody is signed in here."));
  if (!response.ok) throw await Problem.from(response);
  return response;
}
