"""The numbers of this process since it started, as Prometheus' client counts them: a microsecond or
two each, from any thread. No label is what somebody sent: stages, codes and outcomes are ours,
apps and models are registered.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Histogram, disable_created_metrics

from kb.types import Usage

disable_created_metrics()  # type: ignore[no-untyped-call]

_QUICK_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_ANSWER_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
_WORK_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 180, 600)
_WAIT_S = (1, 5, 15, 60, 300, 900, 3600, 14_400)

REQUESTS = Counter("kb_requests", "Requests answered.", ["method", "status"])
ANSWERS = Counter("kb_answers", "Answers by how they ended.", ["app", "outcome"])
FAILURES = Counter("kb_failures", "What failed, by its error code.", ["where", "code"])
MODEL_ANSWERS = Counter("kb_model_answers", "Answers of language models.", ["model"])
MODEL_FAILURES = Counter("kb_model_failures", "Failures of language models.", ["model"])
TOKENS = Counter("kb_tokens", "Tokens of language models.", ["model", "kind"])
FIRST_TOKEN_S = Histogram(
    "kb_first_token_seconds", "From a question to its first token.", ["model"], buckets=_ANSWER_S
)
SEARCH_S = Histogram("kb_search_seconds", "Searches, waiting included.", buckets=_QUICK_S)
INGEST_S = Histogram("kb_ingest_seconds", "Stages of documents.", ["stage"], buckets=_WORK_S)
QUEUE_AGE_S = Histogram("kb_queue_age_seconds", "From upload to reading.", buckets=_WAIT_S)


def by_kind(used: Usage) -> Mapping[str, int]:
    """Tokens as operators are told them: `cached` are part of `in`, `reasoning` of `out`."""
    read, written = used.prompt_tokens, used.completion_tokens
    parts = {"cached": used.cached_tokens, "reasoning": used.reasoning_tokens}
    return {"in": read, "out": written, **parts}


def count_tokens(model: str, used: Usage) -> None:
    """What a model has read and written."""
    for kind, number in by_kind(used).items():
        TOKENS.labels(model, kind).inc(number)
