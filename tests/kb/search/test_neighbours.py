"""Neighbours become one hit, and the first one grows."""

from collections.abc import Callable

from kb.search.neighbours import EXPANDED_WIDTH, merge_neighbours
from kb.search.ranking import RankedChunk
from tests.kb.search.ranks import ranked

Source = tuple[Callable[..., dict], Callable[..., dict]]
"""The live ones of some chunk ids, and the texts of some slices of pages."""

PAGE = "".join(f"Line {n:02d} ".ljust(100, ".") for n in range(40))


def reading(*around: RankedChunk, page: str = PAGE) -> Source:
    rows = {item.chunk_id: item.found for item in around}

    def texts(places):
        return {place: page[place[2].start : place[2].end] for place in places}

    return lambda ids: {i: rows[i] for i in ids if i in rows}, texts


def line(index: int, score: float = 0.5, **where) -> RankedChunk:
    return ranked(PAGE[100 * index : 100 * index + 100], score, index=index, **where)


def test_neighbours_that_were_both_found_are_one_hit_with_the_text_between_them():
    hits, others = merge_neighbours([line(3, 0.9), line(8, 0.7), line(4, 0.5)], *reading())

    first, second = (item.found.chunk for item in hits)
    assert first.text == PAGE[300:500]
    assert [(span.start, span.end) for span in first.spans] == [(300, 500)]
    assert (first.index, second.index) == (3, 8)
    assert hits[0].score == 0.9
    assert hits[0].why["joined"] == ["d1.1.1.3", "d1.1.1.4"]
    assert [(item.chunk_id, item.dropped) for item in others] == [
        ("d1.1.1.4", "joined to d1.1.1.3")
    ]


def test_a_chunk_that_closes_a_gap_joins_both_sides():
    (hit,), others = merge_neighbours([line(3, 0.9), line(5, 0.8), line(4, 0.7)], *reading())
    assert hit.found.chunk.text == PAGE[300:600]
    assert len(others) == 2


def test_the_first_hit_takes_in_what_stands_around_it():
    hits, others = merge_neighbours([line(10, 0.9), line(30, 0.8)], *reading(line(9), line(11)))
    assert hits[0].found.chunk.text == PAGE[900:1200]
    assert hits[1].found.chunk.text == PAGE[3000:3100]
    assert others == []


def test_the_first_hit_does_not_grow_beyond_a_page_of_text():
    long = [line(n) for n in range(40)]
    wide = [ranked("x" * 900, 0.9, index=1, start=900), ranked("y" * 900, index=2, start=1800)]
    last = ranked("z" * 900, index=3, start=2700)
    hits, _ = merge_neighbours(wide[:1], *reading(wide[1], last, page="x" * 9000))
    assert len(hits[0].found.chunk.text) == 1800 <= EXPANDED_WIDTH

    (hit,), _ = merge_neighbours([line(10)], *reading(*long))
    assert len(hit.found.chunk.text) == 700  # three chunks on either side


def test_candidates_do_not_join_to_more_than_a_page_of_text():
    page = "x" * 9000
    found = [ranked("x" * 1500, 0.9 - n / 10, index=n, start=1500 * n) for n in range(3)]
    hits, _ = merge_neighbours(found, *reading(*found, page=page))
    assert [len(hit.found.chunk.text) for hit in hits] == [3000, 1500]


def test_east_asian_characters_are_wide():
    first, after = ranked("税" * 320, index=0, start=0), ranked("法" * 320, index=1, start=320)
    (hit,), _ = merge_neighbours([first], *reading(after, page="税" * 320 + "法" * 320))
    assert hit.found.chunk.text == "税" * 320


def test_what_stands_under_another_heading_or_in_another_document_stays_apart():
    for other in ({"heading": "Tides"}, {"document": "d2"}, {"page": 2}):
        hits, others = merge_neighbours([line(3, 0.9), line(4, 0.5, **other)], *reading())
        assert len(hits) == 2
        assert others == []


def test_one_heading_stands_above_the_joined_text():
    pair = [line(3, 0.9, heading="Moon > Tides"), line(4, 0.5, heading="Moon > Tides")]
    (hit,), _ = merge_neighbours(pair, *reading())
    assert hit.found.chunk.index_text.count("Moon > Tides") == 1
    assert hit.found.chunk.index_text.startswith("Moon > Tides\nLine 03")


def test_chunks_stay_apart_when_their_page_is_gone():
    nothing = (lambda ids: {}, lambda places: {})
    hits, others = merge_neighbours([line(3, 0.9), line(4, 0.5)], *nothing)
    assert [hit.found.chunk.text for hit in hits] == [PAGE[300:400], PAGE[400:500]]
    assert others == []


def test_nothing_is_joined_of_nothing():
    assert merge_neighbours([], *reading()) == ([], [])
