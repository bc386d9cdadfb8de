"""Other wordings and made-up passages: where the app asks for them, beside the question."""

from __future__ import annotations

import pytest

from kb.types import Retrieval, RunEvent, Sources, Variant
from tests.parts import ask, publish, register

WORDED = "say:When does the moon rise?"


def found(events: list[RunEvent]) -> tuple[str, list[str]]:
    shown = next(event for event in events if isinstance(event, Sources))
    return shown.query, [source.hit.document_name for source in shown.sources]


@pytest.mark.parametrize("how", ["queries", "passage"])
def test_what_the_model_adds_is_searched_beside_the_question(kb, sky, upstream, how):
    register(kb, upstream.base_url, WORDED)
    mode = "keyword" if how == "queries" else "vector"
    retrieval = Retrieval(mode=mode, top_k=1, expand=how)
    publish(kb, f"worded-{how}", dataset_ids=(sky,), base=Variant(WORDED, retrieval=retrieval))
    asked = len(upstream.requests)

    query, names = found(ask(kb, f"worded-{how}", "zzz"))
    assert (query, names) == ("zzz", ["moon.md"])
    expanding, _answering = upstream.requests[asked:]
    assert expanding["messages"][-1]["content"] == "zzz"


def test_without_that_setting_the_model_is_asked_for_the_answer_alone(kb, sky, upstream):
    register(kb, upstream.base_url, WORDED)
    retrieval = Retrieval(mode="keyword", top_k=1)
    publish(kb, "unworded", dataset_ids=(sky,), base=Variant(WORDED, retrieval=retrieval))
    asked = len(upstream.requests)
    assert found(ask(kb, "unworded", "zzz")) == ("zzz", [])
    assert len(upstream.requests) == asked + 1


def test_a_model_that_fails_leaves_the_question_as_it_is(kb, sky):
    retrieval = Retrieval(mode="keyword", expand="queries")
    publish(kb, "failing", dataset_ids=(sky,), base=Variant("extractive", retrieval=retrieval))
    query, names = found(ask(kb, "failing", "When does the moon rise?"))
    assert query == "When does the moon rise?"
    assert names[0] == "moon.md"
