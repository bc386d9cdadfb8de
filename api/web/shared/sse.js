// Server-sent events out of bytes, as the HTML standard's "event stream interpretation" says.
// It works on bytes because a chunk may end inside a character, or between CR and LF.

const LF = 10;
const CR = 13;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export class SseParser {
  #line = [];
  #lineLength = 0;
  #skipLineFeed = false;
  #atStart = true;
  #data = [];
  #type = "";
  #lastId = "";
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  // The events that these bytes complete: {type, data, id}. An event without its blank line waits.
  feed(bytes) {
    const events = [];
    let start = 0;
    for (let position = 0; position < bytes.length; position += 1) {
      const byte = bytes[position];
      if (byte === LF && this.#skipLineFeed) {
        this.#skipLineFeed = false;
        start = position + 1;
        continue;
      }
      this.#skipLineFeed = false;
      if (byte !== LF && byte !== CR) continue;
      this.#keep(bytes.subarray(start, position));
      this.#endLine(events);
      this.#skipLineFeed = byte === CR;
      start = position + 1;
    }
    this.#keep(bytes.subarray(start));
    return events;
  }

  #keep(bytes) {
    if (bytes.length === 0) return;
    this.#line.push(bytes.slice());
    this.#lineLength += bytes.length;
  }

  #endLine(events) {
    const line = this.#takeLine();
    if (line === "") this.#dispatch(events);
    else this.#field(line);
  }

  #takeLine() {
    let bytes = new Uint8Array(this.#lineLength);
    let length = 0;
    for (const piece of this.#line) {
      bytes.set(piece, length);
      length += piece.length;
    }
    this.#line = [];
    this.#lineLength = 0;
    if (this.#atStart && BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte)) {
      bytes = bytes.subarray(BYTE_ORDER_MARK.length);
    }
    this.#atStart = false;
    return this.#decoder.decode(bytes);
  }

  #field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: the server's ping
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#lastId = value;
  }

  #dispatch(events) {
    if (this.#data.length > 0) {
      const data = this.#data.join("\n");
      events.push({ type: this.#type || "message", data, id: this.#lastId });
    }
    this.#data = [];
    this.#type = "";
  }
}

export class StreamCut extends Error {}

// The events of a response body. Ends when the body ends; raises StreamCut if nothing, not even a
// ping, arrives for `silenceMs`: a dead connection otherwise looks like a slow answer.
export async function* readEvents(body, silenceMs = 35_000) {
  const parser = new SseParser();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silenceMs);
      if (done) return;
      yield* parser.feed(value);
    }
  } finally {
    reader.cancel().catch(() => {}); // the stream may have failed already; there is nothing to free
  }
}

function within(promise, milliseconds) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new StreamCut("The server fell silent.")), milliseconds);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}
