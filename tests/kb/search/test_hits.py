"""What candidates become: neighbours joined, duplicates folded, and a reason for the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from kb.knowledge_base import KnowledgeBase
from kb.store.content import pages
from kb.store.engine.paging import PageRequest
from kb.types import Retrieval
from tests.kb.search.found import FILES, named, names
from tests.parts import ADMIN, ingest, opened

STORY = [f"Day {n}: the keeper of the lighthouse wrote about gull {n}. " * 9 for n in range(40)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A long text of many chunks, twice, and two short ones whose names matter."""
    with opened(tmp_path_factory.mktemp("story") / "data") as kb:
        laws = {
            f"{name}.md": "".join(
                f"第{n}条 {name}规定的事项之{n}由主管部门负责办理。\n\n" for n in range(1, 40)
            )
            for name in ("工会法", "烟叶税法")
        }
        ingest(kb, kb.create_dataset(ADMIN, "story").id, {"story.txt": "\n\n".join(STORY)})
        ingest(kb, kb.create_dataset(ADMIN, "laws").id, laws)
        ingest(
            kb,
            kb.create_dataset(ADMIN, "twice").id,
            {
                "a.txt": FILES["moon.md"],
                "copy of a.txt": FILES["moon.md"],
                "b.txt": FILES["sun.md"],
            },
        )
        yield kb


def test_neighbouring_chunks_are_one_hit_whose_text_is_that_of_the_page(story):
    dataset_id = named(story, "story")
    asked = (ADMIN, [dataset_id], "What did the keeper write about gull 5?")
    joined = story.searcher.search(*asked, Retrieval()).hits
    apart = story.searcher.search(*asked, Retrieval(merge_neighbours=False)).hits

    assert len(joined[0].why["joined"]) > 1
    assert all("joined" not in hit.why for hit in apart)
    with story.database.read() as tx:
        (page,) = pages.of_document(tx, ADMIN, joined[0].chunk.document_id, PageRequest()).data
    for hit in joined:
        (span,) = hit.chunk.spans
        assert hit.chunk.text == page.text[span.start : span.end]
    covered = sorted((hit.chunk.spans[0].start, hit.chunk.spans[0].end) for hit in joined)
    assert all(end <= start for (_, end), (start, _) in pairwise(covered))


def test_an_article_is_found_by_its_number_and_the_name_of_the_law(story):
    for law, number in (("工会法", 7), ("烟叶税法", 23)):
        (best, *_) = story.searcher.search(
            ADMIN,
            [named(story, "laws")],
            f"《{law}》第{number}条怎么规定？",
            Retrieval(mode="keyword"),
        ).hits
        assert best.document_name == f"{law}.md"
        assert f"第{number}条" in best.chunk.text


def test_the_same_text_under_two_names_is_one_hit_unless_both_are_wanted(story):
    dataset_id = named(story, "twice")
    assert len(names(story, [dataset_id], "moon over Ostrava")) == 2
    assert len(names(story, [dataset_id], "moon over Ostrava", deduplicate=False)) == 3


def test_every_candidate_that_became_no_hit_says_why(story):
    found = story.searcher.search(
        ADMIN, [named(story, "story")], "the keeper and gull 5", Retrieval(top_k=2)
    )
    reasons = {item.dropped.partition(" doc_")[0] for item in found.considered}
    assert len(found.hits) == 2
    assert "beyond top_k" in reasons
    assert "joined to" in reasons
    hits = {name for hit in found.hits for name in hit.why.get("joined", [hit.chunk.id])}
    assert not {hit.chunk.id for hit in found.hits} & {item.chunk_id for item in found.considered}
    assert all(
        item.dropped.startswith("joined") for item in found.considered if item.chunk_id in hits
    )


def test_a_score_below_the_least_is_no_hit_and_is_told(story):
    found = story.searcher.search(
        ADMIN, [named(story, "twice")], "moon over Ostrava", Retrieval(min_score=0.999)
    )
    assert found.hits == []
    assert {item.dropped for item in found.considered} >= {"below min_score"}


def test_what_the_documents_do_not_hold_scores_lower_than_what_they_do(story):
    dataset_id = named(story, "twice")

    def best(query: str) -> float:
        return story.searcher.search(ADMIN, [dataset_id], query, Retrieval()).hits[0].score

    assert best("When does the moon rise over Ostrava?") > 0.5
    assert best("Which minister signed the fishing treaty?") < 0.3
