// The box for the question. Enter sends, Shift+Enter breaks the line, and Enter that ends an input
// method's composition (Chinese, Japanese, Korean) does neither.

import { byId } from "../shared/dom.js";

const COMPOSING = 229; // Safari ends the composition before the key arrives, and says so only here

export class Composer {
  // `actions`: {send(query), stop()}.
  constructor(actions) {
    this.form = byId("composer");
    this.input = byId("question");
    this.sendButton = byId("send");
    this.stopButton = byId("stop");
    this.actions = actions;
    this.isBusy = false;
    this.isEnabled = true;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("input", () => this.#refresh());
    this.stopButton.addEventListener("click", () => actions.stop());
    this.#refresh();
  }

  set busy(value) {
    this.isBusy = value;
    this.#refresh();
  }

  set enabled(value) {
    this.isEnabled = value;
    this.#refresh();
  }

  // Puts a question into the box, to be changed.
  fill(query) {
    this.input.value = query;
    this.#refresh();
    this.input.focus();
  }

  focus() {
    if (matchMedia("(pointer: fine)").matches) this.input.focus(); // a phone would open its keyboard
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey) return;
    if (event.isComposing || event.keyCode === COMPOSING) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const query = this.input.value.trim();
    if (!query || this.isBusy || !this.isEnabled) return;
    this.input.value = "";
    this.#refresh();
    this.actions.send(query);
  }

  #refresh() {
    this.input.disabled = !this.isEnabled;
    this.sendButton.hidden = this.isBusy;
    this.stopButton.hidden = !this.isBusy;
    this.sendButton.disabled = !this.isEnabled || this.input.value.trim() === "";
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }
}
