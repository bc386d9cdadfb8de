// What can be done with an answer: copy it, hear it, ask anew, change the question, judge it.

import { choice, complain, dialog, field, textBox, toast } from "../shared/controls.js";
import { icon, iconButton } from "../shared/dom.js";
import { REASONS } from "../shared/reasons.js";
import { language, t } from "../shared/words.js";

const SHOWN_MS = 1500;

// The buttons under a finished turn. `actions`: {retry?(turn), edit?(turn), judge?(turn, feedback)};
// what a page does not offer is left out.
export function turnTools(turn, actions) {
  const tools = [];
  if (turn.answer && navigator.clipboard) tools.push(copyTool(turn));
  if (turn.answer && window.speechSynthesis) tools.push(speakTool(turn));
  if (actions.again) tools.push(iconButton("retry", t("Answer again"), () => actions.again(turn)));
  if (actions.edit) tools.push(iconButton("edit", t("Change the question"), () => actions.edit(turn)));
  if (turn.messageId && actions.judge) tools.push(...judging(turn, actions.judge));
  return tools;
}

function copyTool(turn) {
  const copy = iconButton("copy", t("Copy the answer"), async () => {
    await navigator.clipboard.writeText(turn.answer);
    copy.replaceChildren(icon("check"));
    toast(t("Copied"));
    setTimeout(() => copy.replaceChildren(icon("copy")), SHOWN_MS);
  });
  return copy;
}

function speakTool(turn) {
  return iconButton("speak", t("Read aloud"), () => {
    const voice = window.speechSynthesis;
    if (voice.speaking) return voice.cancel();
    const words = new SpeechSynthesisUtterance(turn.answer);
    words.lang = language;
    voice.speak(words);
  });
}

function judging(turn, judge) {
  const buttons = [["like", "up", t("Good answer")], ["dislike", "down", t("Bad answer")]].map(([rating, symbol, label]) => {
    const button = iconButton(symbol, label, () => rate(rating), { "data-rating": rating });
    return button;
  });
  const draw = () => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.rating === turn.rating));
  };
  const send = async (feedback) => {
    try {
      await judge(turn, feedback);
      turn.rating = feedback.rating;
      draw();
      if (feedback.rating) toast(t("Thank you."));
    } catch (error) {
      complain(error);
    }
  };
  const rate = (rating) => {
    if (rating === turn.rating) return send({ rating: null });
    if (rating === "dislike") return askWhy(send);
    return send({ rating });
  };
  draw();
  return buttons;
}

// Asks what was wrong; all of it may be left empty.
function askWhy(send) {
  const said = { rating: "dislike", reason: null, text: "", better_answer: "" };
  const reason = choice([["", "–"], ...Object.entries(REASONS)], "", (value) => (said.reason = value || null));
  const words = textBox("", (text) => (said.text = text), { rows: 2, maxlength: 20000 });
  const better = textBox("", (text) => (said.better_answer = text), { rows: 3, maxlength: 20000 });
  dialog(t("What was wrong?"), [field(t("Reason (optional)"), reason), field(t("In your words (optional)"), words), field(t("A better answer (optional)"), better)], [
    { label: t("Send"), kind: "primary", run: () => send(said) },
  ]);
}
