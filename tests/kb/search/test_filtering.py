"""Filters: which documents may answer, and that few of them are found among many others."""

from __future__ import annotations

import pytest

from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.search import candidates
from kb.search.filtering import parsed_filter
from kb.types import Condition, Retrieval
from tests.parts import ADMIN, finish, upload


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory):
    """300 documents about tides; a few of them differ in name, type and metadata."""
    from kb.opening.opening import open_kb
    from kb.settings import EmbeddingSettings, Settings

    settings = Settings(
        data_dir=tmp_path_factory.mktemp("filtered") / "data",
        embedding=EmbeddingSettings(model="hash"),
        _env_file=None,
    )
    kb = open_kb(settings)
    dataset_id = kb.create_dataset(ADMIN, "d").id
    files = {f"heap/{n:03}.md": f"The tide number{n} comes in." for n in range(300)}
    upload(kb, dataset_id, files, metadata={"year": 1900, "kind": "heap"})
    special = {
        "policies/leave.md": {"year": 2024, "作者": "罗贯中", "final": True, "a.b": 'q"uote'},
        "policies/travel.txt": {"year": 2020.5, "final": False},
        "notes.md": {"year": "2024", "final": 1},
    }
    for name, metadata in special.items():
        upload(kb, dataset_id, {name: f"The tide of {name} comes in."}, metadata=metadata)
    finish(kb)
    yield kb, dataset_id
    kb.close()


def names(filled: tuple[KnowledgeBase, str], value: dict, mode: str = "hybrid") -> set[str]:
    kb, dataset_id = filled
    retrieval = Retrieval(mode=mode, top_k=20)
    hits = kb.searcher.search(
        ADMIN, [dataset_id], "when does the tide come in", retrieval, where=parsed_filter(value)
    ).hits
    return {hit.document_name for hit in hits}


LEAVE, TRAVEL, NOTES = "policies/leave.md", "policies/travel.txt", "notes.md"


@pytest.mark.parametrize("mode", ["hybrid", "vector", "keyword"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"metadata.year": 2024}, {LEAVE}),
        ({"metadata.year": "2024"}, {NOTES}),
        ({"metadata.year": {"gte": 2000}}, {LEAVE, TRAVEL}),
        ({"metadata.year": {"gt": 2020.5, "lte": 2024}}, {LEAVE}),
        ({"metadata.year": {"in": [2024, "2024", 7]}}, {LEAVE, NOTES}),
        ({"metadata.final": True}, {LEAVE}),
        ({"metadata.final": 1}, {NOTES}),
        ({"metadata.final": {"in": [True, False]}}, {LEAVE, TRAVEL}),
        ({"metadata.作者": {"prefix": "罗"}}, {LEAVE}),
        ({"metadata.a.b": 'q"uote'}, {LEAVE}),
        ({"name": {"prefix": "policies/"}}, {LEAVE, TRAVEL}),
        ({"name": {"prefix": "polic_es%"}}, set()),
        ({"media_type": "text/plain"}, {TRAVEL}),
        ({"media_type": "text/markdown", "name": {"prefix": "policies/"}}, {LEAVE}),
        ({"name": {"in": [NOTES, "none.md"]}}, {NOTES}),
        ({"metadata.none": 1}, set()),
        ({"id": "doc_none"}, set()),
        ({"metadata.year": {"ne": 1900}}, {LEAVE, TRAVEL, NOTES}),
        ({"metadata.year": {"ne": 2024, "gte": 2000}}, {TRAVEL}),
        ({"metadata.year": {"nin": [1900, "2024"]}}, {LEAVE, TRAVEL}),
        ({"metadata.final": {"ne": True}}, {TRAVEL, NOTES}),
        ({"metadata.none": {"ne": 1}}, set()),
        ({"metadata.none": {"nin": [1]}}, set()),
        ({"name": {"nin": [NOTES]}, "metadata.year": {"ne": 1900}}, {LEAVE, TRAVEL}),
        ({"media_type": {"ne": "text/markdown"}}, {TRAVEL}),
        ({"or": [{"metadata.year": 2024}, {"metadata.year": "2024"}]}, {LEAVE, NOTES}),
        ({"or": [{"name": NOTES}, {"metadata.none": 1}]}, {NOTES}),
        ({"or": [{"metadata.none": 1}]}, set()),
        ({"media_type": "text/markdown", "or": [{"name": NOTES}, {"name": TRAVEL}]}, {NOTES}),
        (
            {"or": [{"metadata.final": True, "metadata.year": {"lt": 2024}}, {"name": TRAVEL}]},
            {TRAVEL},
        ),
        (
            {
                "or": [
                    {"name": LEAVE, "or": [{"metadata.final": 1}, {"id": "none"}]},
                    {"name": NOTES},
                ]
            },
            {NOTES},
        ),
    ],
)
def test_few_documents_are_found_among_many(filled, value, found, mode):
    assert names(filled, value, mode) == found


def test_a_filter_that_lets_much_through_asks_the_index(filled, monkeypatch):
    def never(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("an exact scan of nearly everything")

    monkeypatch.setattr(candidates.texts, "nearest", never)
    found = names(filled, {"metadata.kind": "heap"})
    assert len(found) == 20
    assert all(name.startswith("heap/") for name in found)


def test_exact_scan_and_index_agree(filled, monkeypatch):
    value = {"name": {"prefix": "heap/1"}}
    by_index = names(filled, value, "vector")
    monkeypatch.setattr(candidates, "FEW", 1)
    assert names(filled, value, "vector") == by_index
    assert len(by_index) == 20


def test_a_value_is_equality_and_all_conditions_are_kept():
    assert parsed_filter({"name": "a.md", "metadata.year": {"gte": 1, "lt": 2}}) == (
        Condition("name", "eq", ("a.md",)),
        Condition("metadata.year", "gte", (1,)),
        Condition("metadata.year", "lt", (2,)),
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"title": "x"}, "'title' is not a field"),
        ({"metadata.": 1}, "is not a field"),
        ({"name": {"like": "x"}}, "'like' is not an operator"),
        ({"name": {}}, "no condition"),
        ({"name": 3}, "texts only"),
        ({"metadata.a": None}, "must be a text"),
        ({"metadata.a": [1]}, "must be a text"),
        ({"metadata.a": {"in": 1}}, "must be a list"),
        ({"metadata.a": {"in": []}}, "must be a list"),
        ({"metadata.a": {"in": list(range(501))}}, "must be a list"),
        ({"metadata.a": {"prefix": 1}}, "must be a text"),
        ({"metadata.a": {"gte": True}}, "must be a number or a text"),
        ({"metadata.a": float("inf")}, "too large"),
        ({"metadata.a": 2**70}, "too large"),
        ({f"metadata.k{n}": n for n in range(21)}, "more than 20"),
        ({"or": [{f"metadata.k{n}": n} for n in range(21)]}, "more than 20"),
        ({"or": {"name": "a.md"}}, "`filter.or` must be a list"),
        ({"or": []}, "`filter.or` must be a list"),
        ({"or": ["name"]}, "`filter.or` must be a list"),
        ({"or": [{"name": "a.md"}, {}]}, "`filter.or` must be a list"),
        ({"or": [{"title": "x"}]}, "'title' is not a field"),
        ({"or": [{"or": [{"or": [{"or": [{"or": [{"name": "a"}]}]}]}]}]}, "nested"),
        ({"metadata.a": {"nin": []}}, r"`filter.metadata.a.nin` must be a list"),
        ({"metadata.a": {"ne": [1]}}, "must be a text"),
        ({"name": {"ne": 3}}, "texts only"),
        ({"metadata.a": 10**400}, "too large"),
        ({"metadata.a": {"gt": -(2**63)}}, "too large"),
        ({"metadata.a": float("nan")}, "too large"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(value, says):
    with pytest.raises(Rejected, match=says):
        parsed_filter(value)
