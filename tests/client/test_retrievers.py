"""Our search inside of LlamaIndex and LangChain, over HTTP and by a function of one's own.

Haystack's environment is its own: see `tests/dialects/frameworks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.errors import DatasetNotFound
from client.retrievers.passages import Passage, Search, over_http
from kb.types import Condition, Retrieval, Scope
from tests.api.serving import Served, serving

FILES = {
    "moon.md": "# Sky\n\n## Moon\n\nThe moon rises over Ostrava at nine in the evening.\n",
    "bread.txt": "Rye bread is baked before the market opens.\n",
}
QUESTION = "When does the moon rise?"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("retrievers") / "data") as served:
        served.new_dataset("sky", FILES)
        yield served


def dataset_id(served: Served) -> str:
    found: str = served.http.get("/v1/datasets").json()["data"][0]["id"]
    return found


def key(served: Served) -> str:
    made: str = served.post("/v1/keys", {"kind": "dataset", "dataset_ids": [dataset_id(served)]})[
        "key"
    ]
    return made


def in_process(served: Served, profile: Retrieval, *conditions: Condition) -> Search:
    """What a program writes that has the knowledge base open itself."""

    def search(query: str) -> list[Passage]:
        searcher, datasets = served.kb.searcher, [dataset_id(served)]
        hits = searcher.search(Scope.admin(), datasets, query, profile, where=conditions).hits
        return [
            Passage(
                chunk_id=hit.chunk.id,
                document_id=hit.chunk.document_id,
                document_name=hit.document_name,
                page=hit.chunk.spans[0].page,
                start=hit.chunk.spans[0].start,
                end=hit.chunk.spans[0].end,
                heading=hit.chunk.heading,
                text=hit.chunk.text,
                score=hit.score,
            )
            for hit in hits
        ]

    return search


@pytest.fixture(params=["over HTTP", "in process"])
def search(request: pytest.FixtureRequest, served: Served) -> Search:
    if request.param == "over HTTP":
        return over_http(served.url, key(served), "sky", top_k=1)
    return in_process(served, Retrieval(top_k=1))


def test_both_ways_find_the_same_passage_with_its_place(search):
    (passage,) = search(QUESTION)

    assert passage.document_name == "moon.md"
    assert passage.page == 1
    assert FILES["moon.md"][passage.start : passage.end] == passage.text
    assert passage.heading == "Sky > Moon"
    assert 0 <= passage.score <= 1


def test_llamaindex_gets_nodes_with_scores_and_places(search):
    from client.retrievers.llama_index import KnowledgeBaseRetriever

    retriever = KnowledgeBaseRetriever(search)
    (found,) = retriever.retrieve(QUESTION)

    assert "The moon rises" in found.node.get_content()
    assert found.node.metadata["document_name"] == "moon.md"
    assert found.score == search(QUESTION)[0].score
    assert found.node.node_id == search(QUESTION)[0].chunk_id
    assert asyncio.run(retriever.aretrieve(QUESTION)) == [found]


def test_langchain_gets_documents_with_scores_and_places(search):
    from client.retrievers.langchain import KnowledgeBaseRetriever

    retriever = KnowledgeBaseRetriever(search)
    (found,) = retriever.invoke(QUESTION)

    assert "The moon rises" in found.page_content
    assert found.metadata["document_name"] == "moon.md"
    assert found.metadata["score"] == search(QUESTION)[0].score
    assert asyncio.run(retriever.ainvoke(QUESTION)) == [found]


def test_a_filter_and_a_mode_hold(served):
    over = over_http(served.url, key(served), "sky", mode="keyword", where={"name": "bread.txt"})
    inside = in_process(served, Retrieval(), Condition("name", "eq", ("bread.txt",)))
    assert [passage.document_name for passage in over("bread and moon")] == ["bread.txt"]
    assert [passage.document_name for passage in inside("bread and moon")] == ["bread.txt"]


def test_a_dataset_that_the_key_does_not_see_is_told_at_once(served):
    with pytest.raises(DatasetNotFound, match="'earth'"):
        over_http(served.url, key(served), "earth")


def test_the_rest_of_the_product_imports_neither_framework():
    root = Path(__file__).resolve().parents[2]
    users = [
        path.relative_to(root).as_posix()
        for package in ("kb", "api", "ingest", "cli")
        for path in (root / package).rglob("*.py")
        if "client.retrievers" in path.read_text() and "retrievers" not in path.parts
    ]
    assert users == []
