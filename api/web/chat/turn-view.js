// One question and answer on the page: question, badge, answer, notes, sources, buttons.
// `update` draws the turn as it is now, so live and reloaded answers take the same way.

import { AnswerText } from "../answer/answer-text.js";
import { explain } from "../shared/api.js";
import { element, icon } from "../shared/dom.js";
import { utf16Offsets } from "../shared/offsets.js";
import { t } from "../shared/words.js";
import { routeBadge } from "./route-badge.js";
import { sourceList } from "./source-list.js";
import { turnTools } from "./turn-tools.js";

const STEPS = { waiting: t("Searching the documents"), found: t("Writing the answer") };

const NOTES = {
  length: t("The answer was cut off at the length limit."),
  filtered: t("The answer ends here: what came next may not be shown."),
};

const NAMED = 3;

export class TurnView {
  #drawnSources = "";
  #drawnBadge = "";

  // `actions`: {openPassage(turn, n, citations), retry(turn)}, and those of `turnTools`.
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.badge = element("div", { class: "badges" });
    this.text = element("div", { class: "answer-text" });
    this.progress = element("p", { class: "progress" });
    this.notes = element("div", { class: "notes" });
    this.sources = element("div", { class: "sources-area" });
    this.tools = element("div", { class: "tools" });
    this.answer = element("div", { class: "answer", "aria-live": "polite", "aria-busy": "true" });
    this.answer.append(this.badge, this.text, this.progress, this.notes);
    const question = element("p", { class: "question" }, turn.query);
    const body = [question, this.answer, this.sources, this.tools];
    this.root = element("article", { class: "turn", "aria-label": turn.query }, ...body);
    this.words = new AnswerText(this.text, (citation) =>
      actions.openPassage(turn, citation.n, [citation]),
    );
    this.update();
  }

  update() {
    const { turn } = this;
    this.root.dataset.status = turn.status;
    this.words.render(turn.answer, turn.citations, turn.isOver);
    this.#drawBadge();
    this.#drawProgress();
    this.#drawSources();
    if (turn.isOver) this.#finish();
  }

  // The connection is lost (attempt ≥ 1) or back (0).
  showCut(attempt) {
    const cut = attempt > 0;
    this.root.classList.toggle("is-cut", cut);
    this.progress.textContent = cut ? t("Connection lost, picking up again") : this.#step();
    this.progress.hidden = !cut && this.turn.answer !== "";
  }

  #step() {
    return this.turn.searched ? STEPS.found : STEPS.waiting;
  }

  #drawBadge() {
    const key = JSON.stringify(this.turn.route);
    if (this.turn.route === null || key === this.#drawnBadge) return;
    this.#drawnBadge = key;
    this.badge.replaceChildren(...routeBadge(this.turn.route));
  }

  #drawProgress() {
    const { turn } = this;
    this.progress.hidden = turn.isOver || turn.answer !== "";
    if (!this.progress.hidden) this.progress.textContent = this.#step();
  }

  #drawSources() {
    const { turn } = this;
    const key = JSON.stringify([turn.sources.length, turn.citations.length, turn.isOver]);
    if (key === this.#drawnSources) return;
    this.#drawnSources = key;
    const cited = [...new Set(turn.citations.map((citation) => citation.n))];
    const open = (n) =>
      this.actions.openPassage(turn, n, turn.citations.filter((citation) => citation.n === n));
    const list = turn.isOver || cited.length > 0 ? sourceList(turn.sources, cited, open) : [];
    this.sources.replaceChildren(...list);
  }

  #finish() {
    this.notes.replaceChildren(...this.#noteLines());
    this.tools.replaceChildren(...turnTools(this.turn, this.actions));
    this.answer.setAttribute("aria-busy", "false");
  }

  #noteLines() {
    const { turn } = this;
    if (turn.status === "failed") return [this.#failure()];
    if (turn.status === "cancelled") return [note(t("Stopped."))];
    if (NOTES[turn.finishReason]) return [note(NOTES[turn.finishReason])];
    if (turn.unsupported.length > 0) return unsupportedNotes(turn);
    const isLoose = turn.grounded === false && turn.finishReason !== "refused";
    return isLoose ? [note(t("Not every statement here rests on a source."))] : [];
  }

  #failure() {
    const { error } = this.turn;
    const line = element("p", { class: "failure" }, explain(error ?? {}));
    if (error?.retryable === false) return line;
    const retry = element(
      "button",
      { type: "button", class: "button quiet retry", onclick: () => this.actions.retry(this.turn) },
      icon("retry"),
      t("Try again"),
    );
    return element("div", { class: "failed" }, line, retry);
  }

}

// Names the sentences that no source supports, as many as do not bury the answer.
function unsupportedNotes({ answer, unsupported }) {
  const place = utf16Offsets(answer);
  const named = unsupported.slice(0, NAMED).map(({ answer_start, answer_end }) => {
    const sentence = answer.slice(place(answer_start), place(answer_end));
    return note(t("No source says this: “{sentence}”", { sentence }));
  });
  const more = unsupported.length - NAMED;
  return more > 0 ? [...named, note(t("And {n} more without a source.", { n: more }))] : named;
}

const note = (text) => element("p", { class: "note" }, text);
