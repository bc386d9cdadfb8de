// One question and its answer. It is filled by run events while they stream, or from a stored
// message: both give the same turn, so a reloaded conversation looks like the live one.

export class Turn {
  constructor(query) {
    this.query = query;
    this.status = "waiting"; // waiting → streaming → completed | failed | cancelled
    this.runId = null;
    this.messageId = null;
    this.conversationId = null;
    this.route = null;
    this.searched = false;
    this.sources = [];
    this.answer = "";
    this.citations = [];
    this.finishReason = null;
    this.grounded = null;
    this.unsupported = [];
    this.error = null;
    this.rating = null;
  }

  static fromMessage(message) {
    const turn = new Turn(message.query);
    turn.status = message.status;
    turn.runId = message.run_id;
    turn.messageId = message.id;
    turn.conversationId = message.conversation_id;
    turn.route = message.route;
    turn.searched = message.sources.length > 0;
    turn.sources = message.sources;
    turn.answer = message.answer;
    turn.citations = message.citations;
    turn.finishReason = message.finish_reason;
    turn.grounded = message.grounded;
    turn.unsupported = message.unsupported;
    turn.rating = message.feedback?.rating ?? null;
    turn.error = message.error && { retryable: true, ...message.error };
    return turn;
  }

  get isOver() {
    return ["completed", "failed", "cancelled"].includes(this.status);
  }

  apply({ type, data }) {
    APPLY[type]?.(this, data);
  }

  fail(error) {
    this.status = "failed";
    this.error = error;
  }
}

const APPLY = {
  "run.started"(turn, data) {
    turn.runId = data.run_id;
    turn.messageId = data.message_id;
    turn.conversationId = data.conversation_id;
  },
  route(turn, data) {
    turn.route = data;
  },
  retrieval(turn, data) {
    turn.searched = true;
    turn.sources = data.sources;
  },
  delta(turn, data) {
    turn.status = "streaming";
    turn.answer += data.text;
  },
  citation(turn, data) {
    turn.citations.push(data);
  },
  "run.completed"(turn, data) {
    turn.status = "completed";
    turn.answer = data.answer;
    turn.citations = data.citations;
    turn.finishReason = data.finish_reason;
    turn.grounded = data.grounded;
    turn.unsupported = data.unsupported;
    turn.route = data.route;
  },
  "run.failed"(turn, data) {
    turn.fail(data.error);
  },
  "run.cancelled"(turn) {
    turn.status = "cancelled";
  },
};
