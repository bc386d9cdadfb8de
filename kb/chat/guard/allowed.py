"""What an answer may say although it stands in the prompt."""

from __future__ import annotations

from dataclasses import dataclass

from kb.chat.guard.folding import fold, letters
from kb.chat.guard.index import PromptIndex
from kb.chat.guard.words import LatelySaid


@dataclass(frozen=True, slots=True)
class Guarded:
    """What one answer must not give away, and what it may say all the same.

    Attributes:
        indexes: the texts of the app, and with it what this question's inputs make of them.
        allowed: what may be quoted: the sources and questions of the conversation, its inputs.
        earlier: the answers that the conversation has had before, oldest first.
    """

    indexes: tuple[PromptIndex, ...] = ()
    allowed: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


class Allowed:
    """What may be quoted, folded when it is first asked for: most answers never need it."""

    def __init__(self, guarded: Guarded) -> None:
        self._guarded = guarded
        self._text: str | None = None
        self._spans: dict[PromptIndex, dict[int, int]] = {}

    def holds(self, run: str) -> bool:
        """Whether folded letters stand in it."""
        if self._text is None:
            quotable = [index.quotable for index in self._guarded.indexes]
            self._text = "\n".join((*quotable, *map(letters, self._guarded.allowed)))
        return run in self._text

    def words(self, index: PromptIndex, span: int) -> int:
        """How many content words of a span one of its texts says together."""
        if index not in self._spans:
            said = (LatelySaid(index).said(f"{fold(text)} ") for text in self._guarded.allowed)
            self._spans[index] = dict(sorted(grown for text in said for grown in text))
        return self._spans[index].get(span, 0)
