// The server's API as the signed-in person: the session cookie goes along by itself, and every
// unsafe method carries the CSRF token of the session.

import { StreamCut } from "./sse.js";
import { language, t } from "./words.js";

const SENTENCES = {
  network: t("The server cannot be reached. Check the connection and try again."),
  overloaded: t("The server is busy at the moment. Try again in a moment."),
  rate_limited: t("That was a lot of questions at once. Wait a little and try again."),
  budget_exceeded: t("What this chatbot may spend is used up for now. Ask whoever runs it, or come back later."),
  model_unavailable: t("The language model does not answer at the moment. Try again in a moment."),
};

const AGAIN = [401, 429]; // after signing in, or a little later

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
    const detail = said(code, body.detail) ?? t("The server answered {status}.", { status: response.status });
    return new Problem(response.status, code, detail);
  }
}

// A sentence for any failure, whether trying again can help, and whether only the connection broke.
export function describe(error) {
  if (error instanceof StreamCut) return { detail: error.message, retryable: true, cut: true };
  if (error instanceof Problem) {
    return { detail: error.message, retryable: error.status >= 500 || AGAIN.includes(error.status) };
  }
  if (error instanceof TypeError) return { detail: SENTENCES.network, retryable: true };
  return { detail: error.message, retryable: true };
}

// The sentence for an error that came inside a stream.
export const explain = ({ code, detail }) => said(code, detail) || t("Something went wrong.");

// The server speaks English; what it says most often is said in the reader's language.
const said = (code, detail) => (language === "en" ? detail ?? SENTENCES[code] : SENTENCES[code] ?? detail);

export class Api {
  constructor(session) {
    this.kind = session.kind;
    this.csrf = session.csrf;
    this.isVisitor = false;
  }

  // The session of this browser; without one, the page moves to the sign-in page for good.
  static async open() {
    if (location.pathname.startsWith("/chat/")) return new VisitorApi(location.pathname, location.hash.slice(1));
    const response = await fetch("/v1/session", { headers: { accept: "application/json" } });
    if (response.status === 401) return toLogin();
    if (!response.ok) throw await Problem.from(response);
    return new Api(await response.json());
  }

  // One response, whatever its body; raises Problem for every other status than success.
  async send(method, path, options = {}) {
    const { body, headers = {}, query = {}, signal } = options;
    const response = await fetch(url(path, query), {
      method,
      headers: { ...this.headers(method), ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
      signal,
      keepalive: method === "DELETE", // also while the page is being left
    });
    if (response.status === 401) return this.refused(response, () => this.send(method, path, options));
    if (!response.ok) throw await Problem.from(response);
    return response;
  }

  // The session is lost: the person signs in on this page, and what was asked is asked again.
  async refused(response, again) {
    const { signInAgain } = await import("./signing-in.js");
    this.csrf = await signInAgain();
    return again();
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

  // A form with files, sent as a browser does.
  async form(path, form) {
    const response = await fetch(path, { method: "POST", headers: this.headers("POST"), body: form });
    if (response.status === 401) return this.refused(response, () => this.form(path, form));
    if (!response.ok) throw await Problem.from(response);
    return response.json();
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

// The API as somebody who came by a share link: the key stands in the address, and a token, kept in
// this browser, says that it is the same person as before.
class VisitorApi extends Api {
  constructor(page, key) {
    super({ kind: "visitor", csrf: null });
    this.isVisitor = true;
    this.key = key;
    this.place = `kb.visitor.${page}`;
  }

  async send(method, path, options) {
    const response = await super.send(method, path, options);
    const token = response.headers.get("x-end-user-token");
    if (token) localStorage.setItem(this.place, token);
    return response;
  }

  async refused(response, again) {
    const isKnown = localStorage.getItem(this.place) !== null;
    localStorage.removeItem(this.place); // too old, or of a key that was replaced: one goes on as somebody new
    if (isKnown) return again();
    const problem = await Problem.from(response);
    throw new Problem(401, problem.code, t("This link is not good any more. Ask for a new one."));
  }

  headers() {
    const token = localStorage.getItem(this.place);
    return { authorization: `Bearer ${this.key}`, ...(token && { "x-end-user-token": token }) };
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
