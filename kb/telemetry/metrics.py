"""The numbers of this process since it started, as Prometheus' client counts them: a microsecond or
two each, from any thread. No label is what somebody sent: stages, codes and outcomes are ours,
apps and models are registered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import Counter, Histogram, disable_created_metrics

from kb.types import ModelUsage, Usage

disable_created_metrics()  # type: ignore[no-untyped-call]

_QUICK_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_ANSWER_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
_WORK_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 180, 600)
_WAIT_S = (1, 5, 15, 60, 300, 900, 3600, 14_400)
_TOKENS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)

REQUESTS = Counter("kb_requests", "Requests answered.", ["method", "status"])
ANSWERS = Counter("kb_answers", "Answers by how they ended.", ["app", "outcome"])
FAILURES = Counter("kb_failures", "What failed, by its error code.", ["where", "code"])
MODEL_ANSWERS = Counter("kb_model_answers", "Answers of language models.", ["model"])
MODEL_FAILURES = Counter("kb_model_failures", "Failures of language models.", ["model"])
TOKENS = Counter("kb_tokens", "Tokens of language models.", ["model", "kind"])
ANSWER_TOKENS = Histogram(
    "kb_answer_tokens", "Tokens for one answer.", ["model", "kind"], buckets=_TOKENS
)
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


def observe_tokens(models: Sequence[ModelUsage]) -> None:
    """What each model that was asked has read and written for one answer."""
    for part in models:
        if part.usage.prompt_tokens:
            ANSWER_TOKENS.labels(part.model, "in").observe(part.usage.prompt_tokens)
            ANSWER_TOKENS.labels(part.model, "out").observe(part.usage.completion_tokens)
