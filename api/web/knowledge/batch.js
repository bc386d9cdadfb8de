// The progress of an upload, from its events; a cut stream is taken up again, because the server
// tells the present state to everybody who comes.

import { Problem } from "../shared/api.js";
import { readEvents } from "../shared/sse.js";

const ATTEMPTS = 8;
const PAUSE_MS = 1000;

// Yields {status, total, ready, failed} until the batch is completed.
export async function* followBatch(api, batchId) {
  const path = `/v1/batches/${encodeURIComponent(batchId)}/events`;
  for (let failures = 0; ; failures += 1) {
    try {
      const response = await api.send("GET", path, { headers: { accept: "text/event-stream" } });
      for await (const { type, data } of readEvents(response.body)) {
        failures = 0;
        const state = JSON.parse(data);
        if (type === "batch.completed") yield { ...state, status: "completed" };
        if (type === "progress") yield { status: "running", ...state };
        if (type === "batch.completed") return;
      }
    } catch (error) {
      const isFinal = error instanceof Problem && error.status < 500;
      if (isFinal || failures >= ATTEMPTS) throw error;
    }
    if (failures >= ATTEMPTS) throw new TypeError("network");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
