"""Processing as a dataset has it, from upload to answer: refusals, parents, receipts, checks."""

from __future__ import annotations

import json
from functools import partial

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from kb.errors import Conflict
from kb.store.content import chunks, datasets
from kb.store.engine.paging import PageRequest
from kb.types import Processing, Retrieval, Scope, SplitOptions
from tests.parts import document, finish, ingest, upload

ADMIN = Scope.admin()
SECTIONS = "# Pumps\n\n" + " ".join(f"The pump {n} moves water{n}." for n in range(40))


def _dataset(kb, **processing):
    return kb.create_dataset(ADMIN, "d", processing=Processing(**processing)).id


def _search(kb, dataset_id, query, **retrieval):
    return kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(**retrieval)).hits


def test_a_hit_of_a_child_returns_its_parent_once(kb):
    split = SplitOptions(mode="parent_child", max_tokens=20)
    dataset_id = _dataset(kb, split=split)
    ingest(kb, dataset_id, {"pumps.md": SECTIONS, "moon.md": "# Moon\n\nThe moon rises."})

    hits = _search(kb, dataset_id, "pump water7")

    (pumps,) = [hit for hit in hits if hit.document_name == "pumps.md"]
    assert pumps.chunk.text == SECTIONS
    assert pumps.chunk.index_text == f"Pumps\n{SECTIONS}"
    (matched,) = pumps.why["matched"]
    assert "water7" in SECTIONS[matched["start"] : matched["end"]]
    assert len(SECTIONS[matched["start"] : matched["end"]]) < 200
    assert kb.fsck.run().violations == ()


def test_siblings_do_not_take_the_places_of_other_hits(kb):
    dataset_id = _dataset(kb, split=SplitOptions(mode="parent_child", max_tokens=20))
    other = {f"{n}.md": f"# Other {n}\n\nThe pump moves." for n in range(3)}
    ingest(kb, dataset_id, {"pumps.md": SECTIONS, **other})

    hits = _search(kb, dataset_id, "pump moves", top_k=4)

    assert {hit.document_name for hit in hits} == {"pumps.md", *other}


def test_a_question_is_found_and_its_answer_returned(kb):
    rows = "question,answer\nHow high is it?,Ten metres of steel.\nHow old is it?,Two years.\n"
    dataset_id = _dataset(kb, split=SplitOptions(mode="qa"))
    ingest(kb, dataset_id, {"faq.csv": rows})

    found = _search(kb, dataset_id, "How high is it?")
    by_answer = _search(kb, dataset_id, "steel", mode="keyword")

    assert found[0].chunk.text == "question: How high is it? | answer: Ten metres of steel."
    assert by_answer == []


def test_parents_go_with_their_document(kb):
    dataset_id = _dataset(kb, split=SplitOptions(mode="parent_child", max_tokens=20))
    ids = ingest(kb, dataset_id, {"pumps.md": SECTIONS})
    upload(kb, dataset_id, {"pumps.md": f"{SECTIONS} And more of it."})
    finish(kb)
    with kb.database.read() as tx:
        stored = tx.execute(text("SELECT version, count(*) FROM passages GROUP BY version")).all()
    assert [tuple(row) for row in stored] == [(2, 1)]

    kb.delete_document(ADMIN, ids["pumps.md"])
    with kb.database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM passages")).scalar_one() == 0


def test_a_document_of_which_cleaning_takes_too_much_fails_and_names_the_rule(kb):
    dataset_id = _dataset(kb, clean={"urls": True})
    accepted = upload(
        kb, dataset_id, {"links.md": "https://example.com/a/b/c\n" * 9 + "end"}
    ).accepted
    finish(kb)

    failed = document(kb, accepted[0].id)
    assert failed.status == "failed"
    assert failed.error.code == "cleaned_too_much"
    assert "'urls'" in failed.error.detail
    assert kb.fsck.run().violations == ()


def test_a_receipt_accounts_for_every_character(kb):
    dataset_id = _dataset(kb)
    source = "# A\r\n\r\nOne   two\x07 \ufffd.\r\n"
    (document_id,) = ingest(kb, dataset_id, {"a.md": source}).values()

    receipt = document(kb, document_id).receipt

    assert receipt["bytes"] == len(source.encode())
    assert receipt["characters"] == len(source.replace("\r\n", "\n"))
    assert receipt["removed"] == {"control_characters": 1, "extra_spaces": 2}
    sums = receipt["balance"]
    assert sums["kept"] + sums["removed"] + sums["blank"] == receipt["characters"]
    assert (sums["lost"], receipt["truncated"], receipt["replaced"]) == (0, 0, 1)
    assert receipt["chunks"] == receipt["vectors"] == 1
    assert set(receipt["seconds"]) == {"read", "clean", "split", "embed"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"characters": 5}, "pages hold"),
        ({"chunks": 7}, "1 chunks are stored"),
        ({"removed": {"urls": 3}}, "each rule"),
        ({"balance": None}, "no sums"),
    ],
)
def test_the_check_compares_receipts_with_what_is_stored(kb, change, reason):
    dataset_id = _dataset(kb)
    (document_id,) = ingest(kb, dataset_id, {"a.md": "One two three."}).values()
    receipt = {**document(kb, document_id).receipt, **change}
    if receipt["balance"] is None:
        del receipt["balance"]
    with kb.database.write() as tx:
        tx.execute(text("UPDATE documents SET receipt = :r"), {"r": json.dumps(receipt)})

    (violation,) = kb.fsck.run().violations

    assert violation.code == "receipt"
    assert reason in violation.detail


def test_the_check_compares_parents_with_their_pages(kb):
    dataset_id = _dataset(kb, split=SplitOptions(mode="parent_child", max_tokens=20))
    ingest(kb, dataset_id, {"pumps.md": SECTIONS})
    with kb.database.write() as tx:
        tx.execute(text("UPDATE passages SET text = 'forged'"))

    assert [item.code for item in kb.fsck.run().violations] == ["quote"]


def test_a_document_that_would_lose_a_character_is_not_stored(kb, monkeypatch):
    lossy = partial(ReaderPool, child_module="tests.ingest.sandbox.lossy_child")
    limits = {"timeout_s": 60, "memory_bytes": 768 << 20, "max_characters": 1000}
    monkeypatch.setattr(ReaderPool, "with_limits", lambda _settings, n: lossy(n, **limits))
    dataset_id = _dataset(kb)
    accepted = upload(kb, dataset_id, {"a.md": "One two three."}).accepted
    finish(kb)

    failed = document(kb, accepted[0].id)
    assert (failed.status, failed.error.code) == ("failed", "receipt_unbalanced")
    assert kb.database.reading(chunks.count) == 0


def test_processing_changes_only_while_a_dataset_is_empty(kb):
    dataset_id = _dataset(kb)
    rows = Processing(split=SplitOptions(rows=True), custom_regex=(r"\d+",), clean_max_share=0.9)

    changed = kb.database.writing(datasets.change, ADMIN, dataset_id, processing=rows)
    assert changed.processing == rows
    ids = ingest(kb, dataset_id, {"a.csv": "part,price\nseal,three\nvalve,four\n"})
    found = kb.database.reading(chunks.of_document, ADMIN, ids["a.csv"], PageRequest(10)).data
    assert len(found) == 2

    with pytest.raises(Conflict, match="kb reindex"):
        kb.database.writing(datasets.change, ADMIN, dataset_id, processing=Processing())
    kb.database.writing(datasets.change, ADMIN, dataset_id, name="e", processing=rows)
