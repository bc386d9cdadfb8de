"""Dialogues of two and three turns, without a language model, in five languages.

    python -m bench.dialogues [en|zh|de|es|ja ...] [--every]

Each line of `dialogues.tsv`: language, half ("tune" while a rule is made, "report" afterwards),
what the last answer must hold, what it must not hold, and the turns. They are asked of a handbook
in their own language. Some last questions lean on what was said, some follow small talk, and some
stand by themselves. An answer counts if it holds the one and not the other; a weak one counts too.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
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
from kb.types import AppContent, Completed, Limits, Sources, Started, Variant

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh", "de", "es", "ja")
HALVES = ("tune", "report")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The turns, and what the last answer must hold and must not hold."""

    language: str
    half: str
    expected: str
    other: str
    turns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A dialogue, what was searched for its last turn, and the last answer."""

    dialogue: Dialogue
    searched: str
    answer: str

    @property
    def is_right(self) -> bool:
        """Whether the answer is about what was asked."""
        return self.dialogue.expected in self.answer and self.dialogue.other not in self.answer


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("languages", nargs="*", help="en, zh, de, es, ja; all without a name")
    parser.add_argument("--every", action="store_true", help="print right answers, too")
    arguments = parser.parse_args()
    rows = []
    for language in arguments.languages or LANGUAGES:
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "data", 2) as kb:
            held = _held(kb, language)
        for item in held:
            if arguments.every or not item.is_right:
                mark = "right" if item.is_right else "WRONG"
                print(f"{mark} {language} {item.dialogue.half} {' | '.join(item.dialogue.turns)}")
                print(f"    searched {item.searched!r}\n    {item.answer!r}")
        counts = [[item.is_right for item in held if item.dialogue.half == half] for half in HALVES]
        rows.append([language, *(f"{sum(right)} of {len(right)}" for right in counts)])
    print(table("Right last answers", ("language", *HALVES), rows))


def dialogues(language: str) -> Iterator[Dialogue]:
    """Those of a language."""
    for line in (FOLDER / "dialogues.tsv").read_text("utf-8").splitlines():
        own, half, expected, other, turns = line.split("\t")
        if own == language:
            yield Dialogue(own, half, expected, other, tuple(turns.split(" | ")))


def _held(kb: KnowledgeBase, language: str) -> list[Held]:
    name = f"handbook_{language}.md"
    document = SourceDocument(name, path=FOLDER / name)
    dataset_id = ingested(kb, QuestionSet(language, language, [document], ()))
    with kb.database.write() as tx:
        app = apps.create(tx, SCOPE, slug=language, name=language)
        content = AppContent(dataset_ids=(dataset_id,), base=Variant("extractive"))
        apps.set_draft(tx, SCOPE, app.id, content, expected=None)
        apps.publish(tx, SCOPE, app.id)
    return asyncio.run(_answers(kb, app.id, list(dialogues(language))))


async def _answers(kb: KnowledgeBase, app: str, asked: Sequence[Dialogue]) -> list[Held]:
    held = []
    for dialogue in asked:
        talk, searched, answer = None, "", ""
        for turn in dialogue.turns:
            run = await kb.chat.ask(SCOPE, app, ChatRequest(turn, conversation_id=talk), Limits())
            async with aclosing(run.subscribe_batches()) as batches:
                events = [event async for batch in batches for _, event in batch]
            talk = next(e.conversation_id for e in events if isinstance(e, Started))
            searched = next((e.query for e in events if isinstance(e, Sources)), "")
            answer = next(e.answer for e in events if isinstance(e, Completed))
        held.append(Held(dialogue, searched, answer))
    return held


if __name__ == "__main__":
    main()
