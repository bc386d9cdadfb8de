// The turns on the page, and where it is scrolled: new words are followed only while the reader is
// at the end.

import { TurnView } from "./turn-view.js";

const NEAR_END_PX = 120;

export class Thread {
  #views = new Map(); // turn → view
  #waiting = new Set();

  // `root` gets the turns; `scroller` is what scrolls around it.
  constructor({ root, scroller }, actions) {
    this.actions = actions;
    this.root = root;
    this.scroller = scroller;
  }

  get turns() {
    return [...this.#views.keys()];
  }

  add(turn) {
    const view = new TurnView(turn, this.actions);
    this.#views.set(turn, view);
    this.root.append(view.root);
    return view;
  }

  remove(turn) {
    this.#views.get(turn)?.root.remove();
    this.#views.delete(turn);
  }

  clear() {
    this.#views.clear();
    this.root.replaceChildren();
  }

  // Draws a turn with the next frame, however many events arrive until then; or at once.
  draw(view, { now = false } = {}) {
    if (now) {
      this.#drawKeepingPlace([view]);
    } else if (this.#waiting.size === 0) {
      this.#waiting.add(view);
      requestAnimationFrame(() => {
        this.#drawKeepingPlace([...this.#waiting]);
        this.#waiting.clear();
      });
    } else this.#waiting.add(view);
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #drawKeepingPlace(views) {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    for (const view of views) view.update();
    if (atEnd) this.toEnd();
  }
}
