// What is asked of Citewell beside the chat itself. `config.json` beside the page names server, app
// and widget key. That key is public: it works on pages of the origins that it lists, within limits.

import { DefaultChatTransport } from "ai";

export async function connect() {
  const response = await fetch("config.json");
  if (!response.ok) throw new Error("config");
  return new Citewell(await response.json());
}

export class Citewell {
  #config;

  constructor(config) {
    this.#config = config;
    const api = this.#url(this.#chats());
    this.transport = new DefaultChatTransport({ api, fetch: (...request) => this.#fetch(...request) });
  }

  app = () => this.#read(`/v1/apps/${this.#config.app}`);
  messages = async (chat) => (await this.#read(this.#chats(`/${chat}`))).messages;
  stop = (chat) => this.#fetch(this.#url(this.#chats(`/${chat}/stop`)), { method: "POST" });
  passage = (message, n) => this.#read(`/v1/messages/${message}/sources/${n}`);
  followUps = async (message) => (await this.#read(`/v1/messages/${message}/suggested`)).data;

  #chats = (below = "") => `/ai/${this.#config.app}/chat${below}`;
  #url = (path) => this.#config.server + path;

  async #read(path) {
    const response = await this.#fetch(this.#url(path));
    if (response.ok) return response.json();
    const said = await response.text(); // a sentence below /ai, a problem document below /v1
    throw new Error(said.startsWith("{") ? JSON.parse(said).detail : said);
  }

  // Who is asking, if nobody was named, comes with the first answer; sent again, it finds the chat.
  async #fetch(url, options = {}) {
    const headers = new Headers(options.headers);
    headers.set("authorization", `Bearer ${this.#config.key}`);
    if (sessionStorage.visitor) headers.set("x-end-user-token", sessionStorage.visitor);
    const response = await fetch(url, { ...options, headers });
    const given = response.headers.get("x-end-user-token");
    if (given) sessionStorage.visitor = given;
    return response;
  }
}
