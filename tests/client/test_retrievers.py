"""Our search inside of LlamaIndex and LangChain, over HTTP and in process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.retrievers.passages import Search, in_process, over_http
from kb.errors import NotFound
from kb.types import Condition, Retrieval
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


@pytest.fixture(params=["over HTTP", "in process"])
def search(request: pytest.FixtureRequest, served: Served) -> Search:
    profile = Retrieval(top_k=1)
    if request.param == "over HTTP":
        return over_http(served.url, key(served), "sky", retrieval=profile)
    return in_process(served.kb, [dataset_id(served)], retrieval=profile)


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
    over = over_http(
        served.url, key(served), "sky", retrieval=Retrieval(mode="keyword"),
        where={"name": "bread.txt"},
    )  # fmt: skip
    inside = in_process(
        served.kb, [dataset_id(served)], where=[Condition("name", "eq", ("bread.txt",))]
    )
    assert [passage.document_name for passage in over("bread and moon")] == ["bread.txt"]
    assert [passage.document_name for passage in inside("bread and moon")] == ["bread.txt"]


def test_a_dataset_that_the_key_does_not_see_is_told_at_once(served):
    with pytest.raises(NotFound):
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
