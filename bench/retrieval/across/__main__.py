"""Questions in another language than the documents: what is found, and what is said.

    python -m bench.retrieval.across [FOLDER ...] [--keep DIR]

Asks the questions of `bench/retrieval/across/translations.py` through the whole product with its
defaults, without a language model. The search was tuned on the half "tune" of our own questions
and on the FAQ; the rest is reported. What documents cannot answer are our questions for that, and
every fifth of the other sets, in the same language.

- **first**, **first five**: whether a right passage is the first hit, or among the first five; of a
  section that is wanted each passage is right;
- **told**: answered or weakly answered, the quotation being words of the documents;
- **not there**: of what the documents do not answer, refused or weakly answered; refused.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.measuring import table
from bench.retrieval.across.translations import HALVES, Translated, Wanted, others, ours
from bench.retrieval.ours import SCOPE, ingested, opened
from eval.types import QuestionSet
from kb.knowledge_base import KnowledgeBase
from kb.models.llm.extractive import extractive_answer
from kb.types import EndPiece, Hit, Retrieval, Source

FIRST = 5
STRANGE = 5
COLUMNS = ("documents", "asked in", "questions", "first", "first five", "told", "not there")


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, help="folders with translations")
    parser.add_argument("--keep", type=Path, help="reuse and keep data folders here")
    arguments = parser.parse_args()
    sets = [*map(ours, HALVES), *(item for folder in arguments.folders for item in others(folder))]
    own, across = [], []
    with ExitStack() as stack:
        root = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for item in sets:
            for language, row in _rows(item, sets, root):
                (own if language == item.language else across).append(row)
                print(*row, sep="\t", flush=True)
    print(table("In one language", COLUMNS, own))
    print(table("Across languages", COLUMNS, across))


def _rows(
    item: Translated, sets: Sequence[Translated], root: Path
) -> Iterator[tuple[str, list[str]]]:
    name = f"{item.name.partition(',')[0]} {item.language}"
    with opened(root / name.replace("/", "-"), 2) as kb:
        dataset_id = ingested(kb, QuestionSet(name, item.language, item.documents, ()))
        for language, questions in item.questions.items():
            there = [wanted for wanted in questions if wanted.document or wanted.holds]
            strange = [wanted for wanted in questions if wanted not in there]
            strange += _strange(item, sets, language)
            if not there:
                continue
            found = [(wanted, *_asked(kb, dataset_id, wanted)) for wanted in there]
            ranks = [[_is_right(hit, wanted) for hit in hits] for wanted, hits, _ in found]
            ends = [_asked(kb, dataset_id, wanted)[1] for wanted in strange]
            yield (
                language,
                [
                    f"{item.name} ({item.language})",
                    language,
                    str(len(there)),
                    _share([any(right[:1]) for right in ranks]),
                    _share([any(right[:FIRST]) for right in ranks]),
                    _share([end != "refused" for *_, end in found]),
                    f"{_share([end != 'answered' for end in ends])}, "
                    f"{_share([end == 'refused' for end in ends])} of {len(ends)}",
                ],
            )


def _strange(item: Translated, sets: Sequence[Translated], language: str) -> list[Wanted]:
    """Of each other set, what is asked in a language."""
    seen = {item.name.partition(",")[0]}
    found: list[Wanted] = []
    for other in sets:
        if (name := other.name.partition(",")[0]) not in seen:
            seen.add(name)
            found += [w for w in other.questions.get(language, ()) if w.document][::STRANGE]
    return found


def _asked(kb: KnowledgeBase, dataset_id: str, wanted: Wanted) -> tuple[list[Hit], str]:
    hits = kb.searcher.search(SCOPE, [dataset_id], wanted.question, Retrieval()).hits
    sources = [Source(n, hit) for n, hit in enumerate(hits, start=1)]
    *_, end = extractive_answer(wanted.question, sources)
    assert isinstance(end, EndPiece)
    ends = {True: "answered", "weak": "weak", False: "refused"}
    return hits, ends[end.grounded]


def _is_right(hit: Hit, wanted: Wanted) -> bool:
    text = _plain(f"{hit.chunk.heading} {hit.chunk.text}")
    return hit.document_name == (wanted.document or hit.document_name) and (
        not wanted.holds or any(_plain(piece) in text for piece in wanted.holds)
    )


def _plain(text: str) -> str:
    return " ".join(re.sub("[*`]", "", text).split())


def _share(values: Sequence[bool]) -> str:
    return f"{sum(values) / len(values):.3f}" if values else "-"


if __name__ == "__main__":
    main()
