"""Whoever asks while documents are still being read is told that they are not searched yet."""

from __future__ import annotations

from dataclasses import replace

from kb.knowledge_base import KnowledgeBase
from kb.types import Completed, Delta, Scope, Variant
from tests.parts import ADMIN, ask, finish, publish, upload

NOTICE = "Leave rules hold from January. The notice period is four weeks."


def outcome(kb: KnowledgeBase, app: str, query: str, scope: Scope = ADMIN) -> Completed:
    *events, completed = ask(kb, app, query, scope)
    assert isinstance(completed, Completed)
    told = "".join(event.text for event in events if isinstance(event, Delta))
    assert told == completed.answer
    return completed


def test_a_refusal_says_how_many_documents_are_still_being_indexed(kb: KnowledgeBase):
    dataset_id = kb.create_dataset(ADMIN, "handbook").id
    publish(kb, "handbook", dataset_ids=(dataset_id,))
    other = kb.create_dataset(ADMIN, "other").id
    upload(kb, other, {"other.md": "Not asked."})
    upload(kb, dataset_id, {"leave.md": NOTICE, "pool.md": "The pool opens at seven."})

    early = outcome(kb, "handbook", "How long is the notice period?")
    german = outcome(kb, "handbook", "Wie lange ist die Kündigungsfrist?")
    finish(kb)
    late = outcome(kb, "handbook", "How long is the notice period?")
    unknown = outcome(kb, "handbook", "Who repairs the heating in Ostrava?")

    said = "Documents that are still being indexed: 2."
    assert (early.finish_reason, early.answer.split("\n\n")[1:]) == ("refused", [said])
    assert [(n.code, n.detail) for n in early.notices] == [("documents_unfinished", said)]
    assert german.answer.endswith("Dokumente, die noch eingelesen werden: 2.")
    assert "four weeks" in late.answer
    assert late.notices == unknown.notices == ()
    assert unknown.finish_reason == "refused"
    assert "\n\n" not in unknown.answer


def test_the_words_of_a_model_stay_as_they_are(kb: KnowledgeBase):
    dataset_id = kb.create_dataset(ADMIN, "told").id
    publish(kb, "told", dataset_ids=(dataset_id,), base=Variant(model="echo"))
    upload(kb, dataset_id, {"leave.md": NOTICE})

    completed = outcome(kb, "told", "How long is the notice period?")

    assert "indexed" not in completed.answer
    assert [notice.code for notice in completed.notices] == ["documents_unfinished"]


def test_documents_that_the_asker_may_not_see_are_not_counted(kb: KnowledgeBase):
    dataset_id = kb.create_dataset(ADMIN, "labelled").id
    publish(kb, "labelled", dataset_ids=(dataset_id,))
    upload(kb, dataset_id, {"leave.md": NOTICE}, switches={"labels": ("board",)})
    query = "How long is the notice period?"

    assert outcome(kb, "labelled", query, replace(ADMIN, labels=frozenset({"board"}))).notices
    assert outcome(kb, "labelled", query, replace(ADMIN, labels=frozenset())).notices == ()
