// The dialog that shows where an answer comes from: the passage within its page, and in it exactly
// the characters that the answer rests on.

import { passageNodes } from "../answer/passage-text.js";
import { describe } from "../shared/api.js";
import { element, icon, iconButton } from "../shared/dom.js";
import { quotedRanges } from "../shared/offsets.js";
import { t } from "../shared/words.js";

export class PassageDialog {
  #latest = 0;

  constructor(api) {
    this.api = api;
    this.body = element("div", { id: "passage-body", tabindex: 0 });
    this.number = element("span", { class: "number" });
    this.name = element("h2", { id: "passage-name" });
    this.place = element("p");
    this.original = element("p", { id: "passage-original" });
    const head = element("div", { class: "sheet-head" }, this.number,
      element("div", { class: "sheet-title" }, this.name, this.place),
      iconButton("close", t("Close"), () => this.dialog.close()));
    this.dialog = element("dialog", { id: "passage", "aria-labelledby": "passage-name" },
      element("div", { class: "sheet" }, head, this.body, this.original));
    document.body.append(this.dialog);
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // the backdrop, not its content
    });
  }

  // Shows the nth source of a turn. What is not stored yet, or cut, has no surroundings.
  openFor(turn, n, citations) {
    const source = turn.sources.find((one) => one.n === n) ?? { n, ...citations[0] };
    const isStored = turn.isOver && !turn.error?.cut;
    return this.open(isStored ? turn.messageId : null, source, citations);
  }

  // Shows a source of a message and marks the quotes of `citations` in it. While the message is not
  // stored yet (`messageId` is null), the passage is shown without its surroundings.
  async open(messageId, source, citations) {
    const request = (this.#latest += 1);
    this.#head(source);
    this.body.replaceChildren(element("p", { class: "progress" }, t("Opening the passage")));
    if (!this.dialog.open) this.dialog.showModal();
    if (messageId === null) return this.#show({ ...source, before: "", after: "" }, citations);
    const path = `/v1/messages/${encodeURIComponent(messageId)}/sources/${source.n}`;
    try {
      const passage = await this.api.get(path);
      if (request === this.#latest) this.#show(passage, citations);
    } catch (error) {
      if (request !== this.#latest) return;
      const { detail } = describe(error);
      this.body.replaceChildren(element("p", { class: "failure", role: "alert" }, detail));
    }
  }

  #head({ n, document_id: id, document_name: name, page, heading }) {
    this.number.textContent = n;
    this.name.textContent = name;
    this.place.textContent = [t("page {n}", { n: page }), heading].filter(Boolean).join(" · ");
    const original = `/v1/documents/${encodeURIComponent(id)}/original`;
    const link = element("a", { href: original, target: "_blank", rel: "noopener noreferrer" }, icon("open"), t("Original file"));
    this.original.replaceChildren(...(this.api.isVisitor ? [] : [link])); // a link carries no key
  }

  #show(passage, citations) {
    const ranges = quotedRanges(passage, citations);
    this.body.replaceChildren(...passageNodes(passage, ranges));
    const first = this.body.querySelector("mark") ?? this.body.querySelector(".cited");
    first?.scrollIntoView({ block: "center" });
  }
}
