// The chat page: one app, one conversation, at most one answer in progress.
// The run in progress is remembered for this tab, so reloading the page picks its answer up again.

import { Problem, describe } from "../shared/api.js";
import { Composer } from "./composer.js";
import { byId, icon } from "../shared/dom.js";
import { wearLook } from "../shared/look.js";
import { t } from "../shared/words.js";
import { History } from "./history.js";
import { InputsForm } from "./inputs-form.js";
import { PassageDialog } from "./passage.js";
import { runEvents } from "./run.js";
import { Thread } from "./thread.js";
import { saveAsMarkdown } from "./export.js";
import { Turn } from "./turn.js";
import { drawAdvice, drawWelcome } from "./welcome.js";

const RUN_KEY = "kb.run";
const LOST = { detail: t("The answer was lost: the server no longer has it."), retryable: true };

export class ChatPage {
  constructor(api, apps) {
    this.api = api;
    this.apps = apps;
    this.app = null;
    this.conversationId = null;
    this.active = null; // {turn, controller, wantsStop}
    const retry = (turn) => this.retry(turn);
    this.passages = new PassageDialog(api);
    const openPassage = (turn, n, citations) => this.passages.openFor(turn, n, citations);
    const judge = ({ messageId }, said) => api.post(`/v1/messages/${encodeURIComponent(messageId)}/feedback`, said);
    const again = (turn) => this.active === null && this.ask(turn.query);
    const edit = (turn) => this.composer.fill(turn.query);
    const actions = { retry, openPassage, judge, again, edit };
    this.thread = new Thread({ root: byId("turns"), scroller: byId("thread") }, actions);
    this.inputs = new InputsForm();
    byId("welcome").after(this.inputs.root);
    this.composer = new Composer({ send: (query) => this.ask(query), stop: () => this.stop() });
    this.history = new History(api, {
      open: ({ id }) => this.openConversation(id),
      removed: (id) => id === this.conversationId && this.newConversation(),
    });
    byId("new").append(icon("plus"), t("New conversation"));
    byId("new").addEventListener("click", () => this.newConversation());
    byId("console-link").hidden = api.kind !== "admin";
    byId("sign-out").hidden = api.isVisitor;
    byId("export").setAttribute("aria-label", t("Save this conversation as a file"));
    byId("export").addEventListener("click", () => saveAsMarkdown(this.thread.turns, document.title));
    byId("sign-out").addEventListener("click", () => this.signOut());
    byId("app").addEventListener("change", (event) => this.chooseApp(event.target.value));
    this.#drawApps();
  }

  // Goes where the address says: ?app=SLUG&c=CONVERSATION, else to the first published app.
  async restore(parameters) {
    const usable = this.apps.filter((app) => app.version !== null);
    const wanted = usable.find((app) => app.slug === parameters.get("app")) ?? usable[0];
    if (!wanted) {
      drawWelcome(null, this.api.kind, () => {});
      this.composer.enabled = false;
      return;
    }
    if (this.api.isVisitor) wearLook(parameters, wanted);
    await this.chooseApp(wanted.slug);
    const conversation = parameters.get("c");
    if (conversation) await this.openConversation(conversation);
  }

  async chooseApp(slug) {
    this.app = this.apps.find((app) => app.slug === slug);
    byId("app").value = slug;
    byId("route").hidden = !this.#hasChoice(); // base alone leaves nothing to choose
    byId("route").reset();
    document.title = this.app.name;
    this.newConversation();
    await this.history.load(this.app);
  }

  newConversation() {
    this.#leave();
    this.#enter(null);
    drawWelcome(this.app, this.api.kind, (query) => this.ask(query));
    this.inputs.draw(this.app.inputs);
    if (this.api.kind === "admin") drawAdvice(this.api).catch(() => {}); // it is only advice
    this.composer.focus();
  }

  async openConversation(id) {
    this.#leave();
    this.#enter(id);
    try {
      const messages = await this.#messages(id);
      if (this.conversationId !== id) return;
      this.#begun();
      for (const message of messages) this.thread.add(Turn.fromMessage(message));
      this.thread.toEnd();
      this.#rejoin(messages);
    } catch (error) {
      if (this.conversationId !== id) return;
      this.newConversation();
      this.#say(describe(error).detail);
    }
  }

  // A conversation whose first answer is still being written is not stored yet: it has no messages.
  async #messages(id) {
    try {
      return await this.api.list(`/v1/conversations/${encodeURIComponent(id)}/messages`);
    } catch (error) {
      if (isAbsent(error) && remembered()?.conversationId === id) return [];
      throw error;
    }
  }

  async ask(query) {
    if (this.active !== null || !this.inputs.isComplete()) return;
    const body = { query, stream: true };
    if (this.conversationId !== null) body.conversation_id = this.conversationId;
    if (this.conversationId === null) body.inputs = this.inputs.values(this.app.inputs);
    if (this.#hasChoice()) body.route = byId("route").elements.route.value;
    await this.#follow(new Turn(query), { app: this.app.slug, body });
  }

  // Stopping is asked of the server: it ends the model's work and says `run.cancelled` to everybody.
  async stop() {
    const { active } = this;
    if (active === null) return;
    active.wantsStop = true;
    if (active.turn.runId === null) return; // sent as soon as the run has a name
    try {
      await this.api.post(`/v1/runs/${encodeURIComponent(active.turn.runId)}/stop`);
    } catch (error) {
      this.#say(describe(error).detail);
    }
  }

  async retry(turn) {
    if (this.active !== null) return;
    if (turn.error?.cut && turn.runId !== null) {
      this.thread.remove(turn);
      await this.#follow(new Turn(turn.query), { runId: turn.runId });
      return;
    }
    if (turn.messageId === null) this.thread.remove(turn);
    await this.ask(turn.query);
  }

  async signOut() {
    await this.api.post("/logout");
    forget();
    location.replace("/login");
  }

  #begun() {
    byId("welcome").replaceChildren();
    this.inputs.draw([]);
  }

  async #follow(turn, start) {
    this.#begun();
    const view = this.thread.add(turn);
    this.thread.toEnd();
    const controller = new AbortController();
    const active = { turn, controller, wantsStop: false };
    this.active = active;
    this.composer.busy = true;
    const onCut = (attempt) => view.showCut(attempt);
    try {
      for await (const event of runEvents(this.api, start, { signal: controller.signal, onCut })) {
        turn.apply(event);
        if (event.type === "run.started") this.#started(active);
        this.thread.draw(view);
      }
    } catch (error) {
      if (controller.signal.aborted) return; // the person went elsewhere; the run goes on for now
      const hadRun = turn.runId !== null || start.runId !== undefined;
      turn.fail(hadRun && isAbsent(error) ? LOST : describe(error));
    }
    this.#ended(active, view);
  }

  #started(active) {
    const { turn } = active;
    const isNew = this.conversationId !== turn.conversationId;
    this.#enter(turn.conversationId, { keep: true });
    remember({ runId: turn.runId, conversationId: turn.conversationId, query: turn.query });
    if (active.wantsStop) this.stop();
    if (isNew) this.history.begin({ id: turn.conversationId, name: turn.query });
  }

  #ended(active, view) {
    view.showCut(0);
    this.thread.draw(view, { now: true });
    if (this.active !== active) return;
    if (!active.turn.error?.cut) forget();
    this.active = null;
    this.composer.busy = false;
    this.composer.focus();
    this.history.load(this.app);
  }

  #leave() {
    this.active?.controller.abort();
    this.active = null;
    this.composer.busy = false;
    this.#say("");
  }

  #enter(id, { keep = false } = {}) {
    this.conversationId = id;
    byId("export").hidden = id === null;
    this.history.select(id);
    if (!keep) this.thread.clear();
    const parameters = new URLSearchParams(this.api.isVisitor ? location.search : { app: this.app.slug });
    parameters.delete("c");
    if (id) parameters.set("c", id);
    const path = this.api.isVisitor ? location.pathname : "/";
    const query = parameters.toString();
    window.history.replaceState(null, "", `${path}${query && `?${query}`}${location.hash}`);
  }

  #rejoin(messages) {
    const run = remembered();
    if (run?.conversationId !== this.conversationId || this.active !== null) return;
    if (messages.some((message) => message.run_id === run.runId)) return forget();
    this.#follow(new Turn(run.query), { runId: run.runId });
  }

  #drawApps() {
    const options = this.apps.map((app) => {
      const option = new Option(app.version === null ? t("{name} (not published)", { name: app.name }) : app.name, app.slug);
      option.disabled = app.version === null;
      return option;
    });
    byId("app").replaceChildren(...options);
    byId("app").hidden = options.length === 0;
  }

  #hasChoice() {
    return this.api.kind === "admin" && this.app.has_tuned === true;
  }

  #say(sentence) {
    byId("status").textContent = sentence;
    byId("status").classList.toggle("shown", sentence !== "");
  }
}

const isAbsent = (error) => error instanceof Problem && error.status === 404;
const remember = (run) => sessionStorage.setItem(RUN_KEY, JSON.stringify(run));
const remembered = () => JSON.parse(sessionStorage.getItem(RUN_KEY));
const forget = () => sessionStorage.removeItem(RUN_KEY);
