// The events of one answer, from the question to its terminal event, across cut connections.
// Every event comes once and in order: after a cut, reading goes on behind the last id.

import { Problem } from "../shared/api.js";
import { StreamCut, readEvents } from "../shared/sse.js";

export const TERMINAL = new Set(["run.completed", "run.failed", "run.cancelled"]);

const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;

// Yields {type, data}. Start with `{app, body}` for a new question, or `{runId}` to join a run.
// `onCut(attempt)` is told when the connection is lost, `onCut(0)` when events flow again.
export async function* runEvents(api, { app, body, runId = null }, { signal, onCut }) {
  let last = 0;
  let failures = 0;
  for (;;) {
    try {
      const response = await open(api, { app, body, runId, last }, signal);
      for await (const event of readEvents(response.body)) {
        const id = Number(event.id);
        if (id <= last) continue;
        if (failures > 0) onCut(0);
        last = id;
        failures = 0;
        const data = JSON.parse(event.data);
        if (event.type === "run.started") runId = data.run_id;
        yield { type: event.type, data };
        if (TERMINAL.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted || runId === null || isFinal(error)) throw error;
    }
    if (runId === null) throw new StreamCut("The connection was cut before the answer began.");
    failures += 1;
    if (failures > ATTEMPTS) throw new StreamCut("The connection was lost. Try again in a moment.");
    onCut(failures);
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS), signal);
  }
}

function open(api, { app, body, runId, last }, signal) {
  const headers = { accept: "text/event-stream" };
  if (runId === null) {
    return api.send("POST", `/v1/apps/${encodeURIComponent(app)}/chat`, { body, headers, signal });
  }
  if (last > 0) headers["last-event-id"] = String(last);
  return api.send("GET", `/v1/runs/${encodeURIComponent(runId)}/events`, { headers, signal });
}

// A run that is unknown or forbidden stays so; a busy or restarting server does not.
function isFinal(error) {
  return error instanceof Problem && error.status < 500 && error.status !== 429;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      signal.removeEventListener("abort", abort);
      resolve();
    };
    const abort = () => {
      finish();
      reject(signal.reason);
    };
    const timer = setTimeout(finish, milliseconds);
    addEventListener("online", finish);
    signal.addEventListener("abort", abort);
  });
}
