"""What operators are told of an answer that has ended: numbers, a line in the log, a span. Nothing
that was asked or answered is among it.
"""

from __future__ import annotations

import logging
from typing import Any

from kb.chat.run.recording import Answer
from kb.chat.run.run import Terminal
from kb.telemetry import metrics, spans
from kb.types import Completed, Failed

logger = logging.getLogger(__name__)

OUTCOMES = {"weak": "weak", None: "plain", False: "uncited", True: "answered"}
"""Of an answer that was not refused, by whether it rests on sources."""


def observe(answer: Answer, terminal: Terminal) -> None:
    """Count an answer, write its line, and end the span that is current."""
    question, model = answer.question, answer.variant.route.model
    ended = _ended(terminal)
    for part in answer.models:
        metrics.count_tokens(part.model, part.usage)
    if ended["code"] is not None:
        metrics.FAILURES.labels("answer", ended["code"]).inc()
    if not question.identity.is_replay:  # comparisons and shadows are nobody's question
        metrics.ANSWERS.labels(question.app.slug, ended["outcome"]).inc()
        if answer.first_token_ms is not None:
            metrics.FIRST_TOKEN_S.labels(model).observe(answer.first_token_ms / 1000)
            metrics.observe_tokens(answer.models)
    asked = {
        "run": question.identity.run_id,
        "app": question.app.slug,
        "key": question.scope.key_id,
    }
    by = {"variant": answer.variant.route.variant, "model": model}
    took_ms = terminal.timings_ms if isinstance(terminal, Completed) else answer.timings_ms()
    used = {"tokens": metrics.by_kind(answer.usage), "ms": took_ms}
    fields = {"event": "run", **asked, **by, **ended, **used}
    logger.info("%(run)s of %(app)s: %(outcome)s", fields, extra={"fields": fields})
    told = {f"citewell.{name}": fields[name] for name in ("run", "variant", "outcome")}
    told |= {"gen_ai.agent.name": question.app.slug}
    told |= {"gen_ai.conversation.id": question.identity.conversation_id}
    told |= spans.gen_ai("invoke_agent", model, answer.usage)
    spans.end(spans.current(), told, error=ended["code"])


def _ended(terminal: Terminal) -> dict[str, Any]:
    """Outcome, finish reason, groundedness and error code."""
    if isinstance(terminal, Completed):
        finish, grounded = terminal.finish_reason, terminal.grounded
        outcome = "refused" if finish == "refused" else OUTCOMES[grounded]
        return {"outcome": outcome, "finish": finish, "grounded": grounded, "code": None}
    code = terminal.error.code if isinstance(terminal, Failed) else None
    outcome = "cancelled" if code is None else "failed"
    return {"outcome": outcome, "finish": None, "grounded": None, "code": code}
