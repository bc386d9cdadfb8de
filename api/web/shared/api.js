// The server's API as the signed-in person: the session cookie goes along by itself, and every
// unsafe method carries the CSRF token of the session.

import { StreamCut } from "./sse.js";

const SENTENCES = {
  network: "The server cannot be reached. Check the connection and try again.",
  overloaded: "The server is busy at the moment. Try again in a moment.",
  rate_limited: "That was a lot of questions at once. Wait a little and try again.",
  model_unavailable: "The language model does not answer at the moment. Try again in a moment.",
};

// What the server answered instead of a result. `detail` is a sentence that can be shown.
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }

  static async from(response) {
    let body = {};
    try {
      body = await response.json();
    } catch {
      // not problem+json: a proxy answered, or the connection broke
    }
    const code = body.code ?? "unknown";
    const detail = body.detail ?? SENTENCES[code] ?? `The server answered ${response.status}.`;
    return new Problem(response.status, code, detail);
  }
}

// A sentence for any failure, whether trying again can help, and whether only the connection broke.
export function describe(error) {
  if (error instanceof StreamCut) return { detail: error.message, retryable: true, cut: true };
  if (error instanceof Problem) {
    return { detail: error.message, retryable: error.status >= 500 || error.status === 429 };
  }
  if (error instanceof TypeError) return { detail: SENTENCES.network, retryable: true };
  return { detail: error.message, retryable: true };
}

// The sentence for an error that came inside a stream.
export const explain = ({ code, detail }) => detail || SENTENCES[code] || "Something went wrong.";

export class Api {
  constructor(session) {
    this.kind = session.kind;
    this.csrf = session.csrf;
  }

  // The session of this browser; without one, the page moves to the sign-in page for good.
  static async open() {
    const response = await fetch("/v1/session", { headers: { accept: "application/json" } });
    if (response.status === 401) return toLogin();
    if (!response.ok) throw await Problem.from(response);
    return new Api(await response.json());
  }

  // One response, whatever its body; raises Problem for every other status than success.
  async send(method, path, { body, headers = {}, query = {}, signal } = {}) {
    const response = await fetch(url(path, query), {
      method,
      headers: { ...this.headers(method), ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
      signal,
    });
    if (response.status === 401) return toLogin();
    if (!response.ok) throw await Problem.from(response);
    return response;
  }

  headers(method) {
    return method === "GET" ? {} : { "x-csrf-token": this.csrf };
  }

  async get(path, query = {}) {
    return (await this.send("GET", path, { query })).json();
  }

  async post(path, body = {}) {
    const response = await this.send("POST", path, { body });
    return response.status === 204 ? null : response.json();
  }

  async put(path, body) {
    const response = await this.send("PUT", path, { body });
    return response.status === 204 ? null : response.json();
  }

  async delete(path) {
    await this.send("DELETE", path);
  }

  // The rows of a list, page after page, up to `most`.
  async list(path, query = {}, most = 2000) {
    const rows = [];
    let cursor = null;
    do {
      const page = await this.get(path, { ...query, limit: 100, ...(cursor && { cursor }) });
      rows.push(...page.data);
      cursor = page.next;
    } while (cursor && rows.length < most);
    return rows;
  }
}

function url(path, query) {
  const parameters = new URLSearchParams(query).toString();
  return parameters ? `${path}?${parameters}` : path;
}

function toLogin() {
  const here = location.pathname + location.search;
  location.replace(`/login?next=${encodeURIComponent(here)}`);
  return new Promise(() => {}); // the page is leaving: nobody may go on with half a session
}
