// The chat beside the editor: one question to the draft, to the published version, or to both.
// What was tried is not kept.

import { describe } from "../shared/api.js";
import { button, choice, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { InputsForm } from "../chat/inputs-form.js";
import { PassageDialog } from "../chat/passage.js";
import { runEvents } from "../chat/run.js";
import { Thread } from "../chat/thread.js";
import { Turn } from "../chat/turn.js";

const WHICH = [["draft", t("The draft")], ["published", t("The published version")], ["both", t("Both, one after the other")]];

export class TryIt {
  #conversations = new Map(); // version → conversation id
  #controller = null;
  #forgetLater = () => this.#forget();

  constructor({ api, app, draft, root }) {
    this.api = api;
    this.app = app;
    this.draft = draft;
    this.which = "draft";
    const turns = element("div", { class: "turns" });
    const scroller = element("div", { class: "try-thread" }, turns);
    const passages = new PassageDialog(api);
    this.thread = new Thread({ root: turns, scroller }, {
      retry: (turn) => this.#ask(turn.query),
      openPassage: (turn, n, citations) => passages.openFor(turn, n, citations),
    });
    this.inputs = new InputsForm();
    this.inputs.draw(this.draft.content.inputs);
    root.addEventListener("draft-saved", () => this.inputs.draw(this.draft.content.inputs));
    this.question = textBox("", () => {}, { rows: 1, placeholder: t("Ask a question"), "aria-label": t("Question to try") });
    this.question.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    const which = choice(WHICH, "draft", (value) => (this.which = value), { "aria-label": t("What answers") });
    const again = button(t("Start over"), () => this.#startOver(), { kind: "quiet" });
    addEventListener("pagehide", this.#forgetLater);
    this.root = element("aside", { class: "try-it", "aria-label": t("Try it") },
      element("div", { class: "row" }, element("h2", {}, t("Try it")), which, again), this.inputs.root, scroller,
      element("div", { class: "row try-box" }, this.question, button(t("Ask"), () => this.#submit(), { kind: "primary", symbol: "send" })));
  }

  stop() {
    removeEventListener("pagehide", this.#forgetLater);
    this.#controller?.abort();
    this.#forget();
  }

  #submit() {
    const query = this.question.value.trim();
    if (!query || this.#controller) return;
    this.question.value = "";
    this.#ask(query);
  }

  async #ask(query) {
    this.#controller = new AbortController();
    try {
      await this.draft.save();
      const asked = this.which === "both" ? ["draft", "published"] : [this.which];
      for (const version of asked) await this.#answer(query, version, asked.length > 1);
    } catch {
      // the editor has said why the draft was not saved
    } finally {
      this.#controller = null;
    }
  }

  async #answer(query, version, isNamed) {
    const turn = new Turn(isNamed ? `${query}  · ${WHICH.find(([id]) => id === version)[1]}` : query);
    const view = this.thread.add(turn);
    this.thread.toEnd();
    const body = { query, stream: true, inputs: this.inputs.values(this.draft.content.inputs) };
    if (version === "draft") body.version = "draft";
    if (this.#conversations.has(version)) body.conversation_id = this.#conversations.get(version);
    const { signal } = this.#controller;
    try {
      for await (const event of runEvents(this.api, { app: this.app.slug, body }, { signal, onCut: (n) => view.showCut(n) })) {
        turn.apply(event);
        if (event.type === "run.started") this.#conversations.set(version, turn.conversationId);
        this.thread.draw(view);
      }
    } catch (error) {
      if (signal.aborted) return;
      turn.fail(describe(error));
    }
    view.showCut(0);
    this.thread.draw(view, { now: true });
  }

  #startOver() {
    this.#forget();
    this.thread.clear();
    this.question.focus();
  }

  #forget() {
    for (const id of this.#conversations.values()) this.api.delete(`/v1/conversations/${id}`).catch(() => {});
    this.#conversations.clear();
  }
}
