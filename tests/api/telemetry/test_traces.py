"""Spans as a collector gets them: OTLP over HTTP, decoded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.api.telemetry.watched import ANSWER, FILE, QUESTION, TEXT, use
from tests.fake_models import running_fake_server
from tests.server import running_server

pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed"
)

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PARENT = "0af7651916cd43dd8448eb211c80319c"


class Collector(ThreadingHTTPServer):
    """Takes what an exporter sends; `sent` are the bodies, `spans` what they hold."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.sent: list[bytes] = []

    @property
    def spans(self) -> list[Span]:
        told = [ExportTraceServiceRequest.FromString(body) for body in self.sent]
        of_resources = [each for request in told for each in request.resource_spans]
        return [span for each in of_resources for own in each.scope_spans for span in own.spans]


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            self.server.sent.append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What a server has sent until its end."""
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        traced = {"KB_TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": url}
        data = tmp_path_factory.mktemp("traced") / "data"
        with running_fake_server() as model, running_server(data, **traced) as running:
            with running.http as http:
                http.headers["traceparent"] = f"00-{PARENT}-b7ad6b7169203331-01"
                use(http, model.base_url)
                http.get("/metrics", params={"q": QUESTION})
                http.get("/v1/datasets", params={"after": FILE})
            deadline = time.monotonic() + 30
            while sum(s.name == "ingest" for s in server.spans) < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert running.stop() == 0
        yield server
        server.shutdown()


def told(span: Span) -> dict[str, object]:
    values = {each.key: each.value for each in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


def below(spans: list[Span], above: Span) -> list[Span]:
    return [span for span in spans if span.parent_span_id == above.span_id]


def test_a_question_is_a_tree_from_the_request_to_the_model(collector: Collector):
    spans = collector.spans
    asked = [s for s in spans if s.name == "POST /v1/apps/{app}/chat"]
    trees = {told(run)["gen_ai.agent.name"]: run for s in asked for run in below(spans, s)}
    run = [run for s in asked for run in below(spans, s)][-1]  # the follow-up, which was rewritten
    steps = {span.name: span for span in below(spans, run)}
    rewriting = {span.name for span in below(spans, steps["rewrite"])}

    assert {span.trace_id.hex() for span in asked} == {PARENT}
    assert set(trees) == {"talk", "failing", "quoting"}
    assert set(steps) == {"rewrite", "search", "chat cite"}
    assert rewriting == {"chat cite"}
    [embed] = below(spans, steps["search"])
    assert embed.name == "embed"
    assert told(embed)["gen_ai.operation.name"] == "embeddings"
    assert str(told(embed)["gen_ai.request.model"]).startswith("hash")
    model = told(steps["chat cite"])
    assert model["gen_ai.operation.name"] == "chat"
    assert model["gen_ai.provider.name"] == "openai"
    assert model["gen_ai.request.model"] == "cite"
    assert 0 < model["gen_ai.usage.output_tokens"] < model["gen_ai.usage.input_tokens"]
    assert told(run)["gen_ai.operation.name"] == "invoke_agent"
    assert told(run)["citewell.outcome"] == "weak"
    assert told(trees["failing"])["error.type"] == "model_unavailable"


def test_a_document_is_a_tree_from_reading_to_the_index(collector: Collector):
    documents = [span for span in collector.spans if span.name == "ingest"]
    steps = [{span.name for span in below(collector.spans, each)} for each in documents]

    assert {"read", "clean", "split", "embed", "index"} in steps
    assert "damaged_file" in {told(each).get("error.type") for each in documents}


def test_no_span_holds_a_word_of_what_was_said(collector: Collector):
    sent = b"".join(collector.sent).decode("latin-1")

    for word in (ANSWER, FILE, QUESTION, TEXT):
        assert word not in sent
    assert "citewell" in sent
    assert "/metrics" not in {told(span).get("http.route") for span in collector.spans}
