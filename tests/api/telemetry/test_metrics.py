"""What `/metrics` counts, and the key that reads it and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.resources.operation import metrics
from kb.models.fake.server import FakeModelServer
from tests.api.operations import OPEN, operations
from tests.api.serving import Served, serving
from tests.api.telemetry.watched import ANSWER, FILE, QUESTION, TEXT, use
from tests.fake_models import running_fake_server
from tests.parts import add_a_stray, settle

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def model() -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        yield server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("metrics") / "data") as running:
        yield running


def numbers(text: str) -> Numbers:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def grown(before: Numbers, after: Numbers, name: str, **labels: str) -> float:
    key = (name, frozenset(labels.items()))
    return after.get(key, 0.0) - before.get(key, 0.0)


def test_what_happens_is_counted_under_names_of_ours(served: Served, model: FakeModelServer):
    before = numbers(served.http.get("/metrics").text)

    use(served.http, model.base_url)
    metrics._size_bytes.cache_clear()  # which was counted before there was a file
    text = served.http.get("/metrics").text
    after = numbers(text)

    for name, labels, least in (
        ("kb_answers_total", {"app": "talk", "outcome": "answered"}, 1),
        ("kb_answers_total", {"app": "talk", "outcome": "weak"}, 1),
        ("kb_answers_total", {"app": "quoting", "outcome": "refused"}, 1),
        ("kb_answers_total", {"app": "failing", "outcome": "failed"}, 1),
        ("kb_failures_total", {"where": "answer", "code": "model_unavailable"}, 1),
        ("kb_failures_total", {"where": "request", "code": "model_unavailable"}, 1),
        ("kb_failures_total", {"where": "document", "code": "damaged_file"}, 1),
        ("kb_first_token_seconds_count", {"model": "talk"}, 2),
        ("kb_tokens_total", {"model": "talk", "kind": "in"}, 100),
        ("kb_tokens_total", {"model": "talk", "kind": "out"}, 10),
        ("kb_answer_tokens_count", {"model": "talk", "kind": "in"}, 2),
        ("kb_answer_tokens_count", {"model": "talk", "kind": "out"}, 2),
        ("kb_search_seconds_count", {}, 3),
        ("kb_queue_age_seconds_count", {}, 2),
        *(
            ("kb_ingest_seconds_count", {"stage": stage}, 1)
            for stage in ("read", "clean", "split", "embed", "index")
        ),
    ):
        assert grown(before, after, name, **labels) >= least, (name, labels)
    for kind in ("in", "out"):  # rewriting a follow-up is counted, and no part of an answer
        per_answer = grown(before, after, "kb_answer_tokens_sum", model="talk", kind=kind)
        assert 0 < per_answer < grown(before, after, "kb_tokens_total", model="talk", kind=kind)
    assert not re.search(r'kb_answer_tokens_.*model="extractive"', text)  # no model was asked
    for gauge in ("kb_disk_free_bytes", "kb_data_bytes", "process_resident_memory_bytes"):
        assert after[gauge, frozenset()] > 0, gauge
    assert after["kb_streams_open", frozenset()] == 0
    for word in (ANSWER, FILE, QUESTION, TEXT):
        assert word not in text


def test_what_was_set_aside_is_counted_wherever_originals_lie(served: Served):
    stray = add_a_stray(served.kb)
    served.kb.database.writing(served.kb.originals.set_aside, stray)
    settle(served.kb)
    assert list(served.kb.originals.lost()) == [stray]
    assert "kb_lost_files 1.0\n" in served.http.get("/metrics").text


def test_a_metrics_key_reads_the_numbers_and_nothing_else(served: Served):
    key = served.with_new_key(kind="metrics", name="prometheus")

    assert "kb_requests_total" in key.get("/metrics").text
    others = [
        (operation.method.upper(), re.sub(r"{\w+}", "x", operation.path))
        for operation in operations()
        if operation.name not in OPEN and operation.name != ("get", "/metrics")
    ]
    others += [("GET", "/"), ("POST", "/mcp"), ("GET", "/openai/v1/models")]
    others += [("POST", "/dify/v1/chat-messages"), ("POST", "/ai-sdk/v1/x"), ("GET", "/v1/none")]
    shown = {(method, path): key.request(method, path).status_code for method, path in others}
    assert {call: status for call, status in shown.items() if status != 403} == {}


def test_a_metrics_key_opens_nothing_and_uploads_nothing(served: Served):
    for body in ({"dataset_ids": ["x"]}, {"app": "x"}, {"quota": {"documents": 1}}):
        assert served.http.post("/v1/keys", json={"kind": "metrics", **body}).status_code == 400
