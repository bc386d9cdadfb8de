"""Where spans go: to a collector, by OTLP over HTTP, with the extra `otel`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace

from kb.errors import Rejected
from kb.version import version


@contextmanager
def sent() -> Iterator[None]:
    """Send spans meanwhile, to where `OTEL_EXPORTER_OTLP_ENDPOINT` says.

    Raises:
        Rejected: the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as exc:
        raise Rejected("KB_TRACES needs the extra `otel`: run `make otel`.") from exc

    class Wordless(SpanProcessor):
        """Takes out of an address what somebody wrote: a file's name, a query, a token."""

        def on_start(self, span: trace.Span, parent_context: object = None) -> None:
            span.set_attributes({"url.path": "", "url.query": ""})

    ours = Resource({"service.name": "citewell", "service.version": version()})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(Wordless())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
