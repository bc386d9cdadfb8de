// The draft of an app: changed at once on the page, saved a moment later, in the order of the changes.
// A draft that somebody else has changed meanwhile is not overwritten.

const PAUSE_MS = 500;

export class Draft {
  #timer = null;
  #saving = Promise.resolve();
  #etag;

  // `onState(state, detail)`: "changed", "saved" (with the server's warnings), "failed" (with the error).
  constructor(api, path, onState) {
    this.api = api;
    this.path = path;
    this.onState = onState;
    this.content = null;
  }

  async load() {
    const response = await this.api.send("GET", this.path);
    this.#taken(response, await response.json());
    return this;
  }

  // Changes the content by `change(content)` and saves it soon.
  change(change) {
    change(this.content);
    this.onState("changed");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), PAUSE_MS);
  }

  // Saves what is not saved yet; resolves when the server has it.
  save() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#saving = this.#saving.then(() => this.#send());
    return this.#saving;
  }

  async #send() {
    try {
      const body = structuredClone(this.content);
      const response = await this.api.send("PUT", this.path, { body, headers: { "if-match": this.#etag } });
      this.#etag = response.headers.get("etag");
      const { warnings = [], quotable_by_order: sayable = [] } = await response.json();
      if (this.#timer === null) this.onState("saved", { warnings, sayable });
    } catch (error) {
      this.onState("failed", error);
      throw error;
    }
  }

  get hasUnsaved() {
    return this.#timer !== null;
  }

  #taken(response, content) {
    this.#etag = response.headers.get("etag");
    this.content = content;
    const { warnings = [], quotable_by_order: sayable = [] } = content;
    this.onState("saved", { warnings, sayable });
  }
}
