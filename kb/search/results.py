"""What a search gives: hits, and the candidates that became none, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from kb.search.fusion import Fused
from kb.search.ranking import RankedChunk
from kb.store.content.chunks import Candidate
from kb.types import Considered, Failure, Hit


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of a search, and the candidates that became none, each with its reason; notices of
    what it went without."""

    hits: list[Hit]
    considered: list[Considered]
    notices: tuple[Failure, ...] = ()


def one_per_passage(
    ranked: Sequence[Fused], live: Mapping[str, Candidate]
) -> tuple[list[Fused], list[Fused]]:
    """The best chunk of each passage, and its siblings: they would return the same text again."""
    best: dict[str | tuple[str, int], Fused] = {}
    for item in ranked:
        best.setdefault(live[item.chunk_id].passage or item.chunk_id, item)
    kept = {item.chunk_id for item in best.values()}
    return list(best.values()), [item for item in ranked if item.chunk_id not in kept]


def unranked(fused: Sequence[Fused], live: Mapping[str, Candidate]) -> list[Considered]:
    """Candidates that ranked too low to be read, or behind another chunk of their passage."""
    return [
        Considered(
            item.chunk_id,
            item.chunk_id.partition(".")[0],
            "",
            item.score,
            item.why,
            dropped="another chunk of its passage is better"
            if live[item.chunk_id].passage
            else "ranked too low",
        )
        for item in fused
    ]


def hit_of(item: RankedChunk) -> Hit:
    """A hit with the text that is to be read: the parent's if the chunk has one."""
    chunk, why = item.found.chunk, item.why
    if (parent := chunk.parent) is not None:
        why = {**why, "matched": [asdict(span) for span in chunk.spans]}
        chunk = replace(
            chunk, spans=parent.spans, text=parent.text, index_text=parent.index_text, parent=None
        )
    duplicates, found = why.get("duplicates"), item.found
    names = (found.dataset_id, found.document_name)
    hit = Hit(chunk, *names, item.score, why, duplicates, found.file_id, found.metadata)
    return replace(hit, labels=found.labels)
