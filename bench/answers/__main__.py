"""Answers without a language model to six sets of questions over small company documents.

    python -m bench.answers [SET ...] [--every] [--curve]

Each folder beside this file holds documents of one company (a handbook in English and one in
Chinese, codes, releases, sites, tables, questions and answers) and `questions.tsv`: what the answer
must hold (several pieces with ` + ` between them) and the question, or `-` where the documents do
not answer it. Thresholds are chosen on `harbour`; `clinic` is only reported. In `contrast` and
`contrast_reported` what is not answered differs by one word from what is: rules are made on the
first and reported on the second. In `school` and `hut` it is what is told of another release,
product or person. The curve says, by the kind of document that was found, what share of the
answerable scores at least, and of the others less than, each threshold.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import table
from bench.retrieval.ours import SCOPE, ingested, opened
from eval.types import QuestionSet, SourceDocument
from kb.chat.ask.question import ChatRequest
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps
from kb.types import AppContent, Completed, Limits, Sources, Variant

SETS = ("harbour", "clinic", "contrast", "contrast_reported", "school", "hut")
UNANSWERABLE = "-"
THRESHOLDS = (0.1, 0.15, 0.25, 0.4, 0.5, 0.65, 0.8)
KINDS = {
    "a handbook": ("handbook", "guide", "leave", "staff_rules"),
    "a Chinese handbook": ("员工手册", "病区手册", "员工守则", "博物馆员工须知"),
    "a German handbook": ("hausordnung", "arbeitsordnung", "schulordnung", "huettenordnung"),
    "a Spanish handbook": ("normas", "reglamento"),
    "a Chinese manual": ("打印机说明书", "气象站手册"),
    "prose": ("trips", "history"),
    "codes": ("crane_codes", "monitor_alarms"),
    "releases": ("releases", "changes", "planner_changes", "booking_releases"),
    "sheets of sites": ("site_", "house_", "store_", "branch_"),
    "tables": (
        *("reach_stackers", "fees", "tides", "devices", "catalogue", "timetable", "roles", "lease"),
        *("shop", "tours", "access", "loan", "clubs", "laptops", "gear"),
    ),
    "questions and answers": ("faq",),
}
"""Kinds of documents by the beginnings of their names."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what its answer must hold, what came, and the best hit."""

    question: str
    expected: str
    done: Completed
    score: float
    document: str

    @property
    def outcome(self) -> str:
        """A column of the table."""
        if self.done.grounded is False:
            return "refused"
        told = _plain(self.done.answer)
        is_right = self.expected != UNANSWERABLE and all(
            _plain(piece) in told for piece in self.expected.split(" + ")
        )
        if self.done.grounded == "weak":
            return "weak, right" if is_right else "weak"
        return "right" if is_right else "wrong"

    @property
    def is_bad(self) -> bool:
        """Whether a person would complain."""
        there = self.expected != UNANSWERABLE
        return self.outcome not in (("right", "weak, right") if there else ("refused", "weak"))


def _plain(text: str) -> str:
    return " ".join(text.replace(",", "").casefold().split())


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="*", help="names of sets; all without one")
    parser.add_argument(
        "--every", action="store_true", help="print every answer, not only bad ones"
    )
    parser.add_argument("--curve", action="store_true", help="print shares by threshold and kind")
    arguments = parser.parse_args()
    rows: list[list[str]] = []
    every: list[Asked] = []
    for name in arguments.sets or SETS:
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "data", 2) as kb:
            asked = _ask(kb, Path(__file__).parent / name)
        rows += _rows(name, asked)
        every += asked
        for item in asked:
            if arguments.every or item.is_bad:
                print(f"[{name}] {item.outcome} {item.score:.2f} | {item.question}")
                print(f"    {item.done.answer!r}")
    print(table("Answers without a model", ("set", *_COLUMNS), rows))
    if arguments.curve:
        columns = ("found in", "asked", *(f"{threshold:g}" for threshold in THRESHOLDS))
        print(table("At least / below a score", columns, list(_curve(every))))


_COLUMNS = ("asked", "right", "weak, right", "weak", "wrong", "refused")


def _ask(kb: KnowledgeBase, folder: Path) -> list[Asked]:
    files = [path for path in sorted(folder.iterdir()) if path.name != "questions.tsv"]
    documents = [SourceDocument(path.name, path=path) for path in files]
    dataset_id = ingested(kb, QuestionSet(folder.name, "en", documents, ()))
    with kb.database.write() as tx:
        app = apps.create(tx, SCOPE, slug=folder.name, name=folder.name)
        content = AppContent(dataset_ids=(dataset_id,), base=Variant("extractive"))
        apps.set_draft(tx, SCOPE, app.id, content, expected=None)
        apps.publish(tx, SCOPE, app.id)
    lines = (folder / "questions.tsv").read_text("utf-8").splitlines()
    return asyncio.run(_answers(kb, app.id, [line.partition("\t") for line in lines]))


async def _answers(
    kb: KnowledgeBase, app: str, questions: Sequence[tuple[str, str, str]]
) -> list[Asked]:
    found = []
    for expected, _, question in questions:
        run = await kb.chat.ask(SCOPE, app, ChatRequest(question), Limits())
        async with aclosing(run.subscribe_batches()) as batches:
            events = [event async for batch in batches for _, event in batch]
        done = next(event for event in events if isinstance(event, Completed))
        hits = [s.hit for event in events if isinstance(event, Sources) for s in event.sources]
        best = (hits[0].score, hits[0].document_name) if hits else (0.0, "")
        found.append(Asked(question, expected, done, *best))
    return found


def _rows(name: str, asked: Sequence[Asked]) -> Iterator[list[str]]:
    for is_there in (True, False):
        own = [item for item in asked if (item.expected != UNANSWERABLE) == is_there]
        counts = Counter(item.outcome for item in own)
        kind = "answerable" if is_there else "not there"
        yield [f"{name}, {kind}", str(len(own)), *(str(counts[column]) for column in _COLUMNS[1:])]


def _curve(asked: Sequence[Asked]) -> Iterator[list[str]]:
    for kind, names in KINDS.items():
        own = [item for item in asked if item.document.startswith(names)]
        there = [item.score for item in own if item.expected != UNANSWERABLE]
        strange = [item.score for item in own if item.expected == UNANSWERABLE]
        shares = [
            f"{_share([s >= least for s in there])} / {_share([s < least for s in strange])}"
            for least in THRESHOLDS
        ]
        yield [kind, f"{len(there)} / {len(strange)}", *shares]


def _share(values: Sequence[bool]) -> str:
    return f"{sum(values) / len(values):.2f}" if values else "-"


if __name__ == "__main__":
    main()
