"""The steps of the work as spans of OpenTelemetry, which go nowhere but within `sent`.

A span says names, numbers and codes of ours; what was asked and answered only where the settings
allow it. Requests have theirs of FastAPI.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode
from opentelemetry.trace import SpanKind as SpanKind
from prometheus_client import Histogram

from kb.telemetry.metrics import INGEST_S
from kb.types import EndPiece, Usage

Attributes = Mapping[str, str | int | Sequence[str]]
DocumentVersion = tuple[str, int]

MOST_DOCUMENTS = 10_000
"""On their way to the indexes. Those that are deleted meanwhile end nowhere, and are forgotten."""

tracer = trace.get_tracer("citewell")
_documents: dict[DocumentVersion, Span] = {}
current = trace.get_current_span


def gen_ai(operation: str, model: str, used: Usage | EndPiece) -> dict[str, str | int]:
    """What a model was asked for, in the names of the conventions for generative AI."""
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": used.prompt_tokens,
        "gen_ai.usage.output_tokens": used.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": used.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": used.reasoning_tokens,
    }


def end(span: Span, attributes: Attributes | None = None, *, error: str | None = None) -> None:
    """End a span with what is known by now; `error` is a code or a type, never a text."""
    span.set_attributes(attributes or {})
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    span.end()


@contextmanager
def left_open(name: str, attributes: Attributes | None = None) -> Iterator[Span]:
    """A span that is current here, and in threads and tasks that begin here: one of these ends it
    as the `current` one. If this fails, it ends here."""
    span = tracer.start_span(name, attributes=attributes)
    if not span.is_recording():
        yield span
        return
    try:
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield span
    except BaseException as exc:
        end(span, error=type(exc).__name__)
        raise


@contextmanager
def step(
    name: str, attributes: Attributes | None = None, seconds: Histogram | None = None
) -> Iterator[None]:
    """A step of the work: a span around it, and how long it took."""
    began = time.perf_counter()
    try:
        with left_open(name, attributes) as span:
            yield
            end(span)
    finally:
        if seconds is not None:
            seconds.observe(time.perf_counter() - began)


def document_begun(version: DocumentVersion) -> None:
    """A document is being made searchable, until `document_ended`."""
    span = tracer.start_span("ingest", attributes={"citewell.document": version[0]})
    if span.is_recording():
        if len(_documents) >= MOST_DOCUMENTS:
            _documents.clear()
        _documents[version] = span


def document_step(version: DocumentVersion, stage: str, began_s: float, ended_s: float) -> None:
    """A stage of a document is over; from and to, in seconds since 1970."""
    INGEST_S.labels(stage).observe(max(0.0, ended_s - began_s))
    if version in _documents:
        above = trace.set_span_in_context(_documents[version])
        tracer.start_span(stage, above, start_time=int(began_s * 1e9)).end(int(ended_s * 1e9))


def document_ended(version: DocumentVersion, error: str | None = None) -> None:
    """A document can be searched, has failed, or waits again."""
    end(_documents.pop(version, trace.INVALID_SPAN), error=error)
