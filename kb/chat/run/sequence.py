"""Two models in sequence: one drafts, another finishes, and only the second is streamed.

The draft goes into the second's prompt as it is, in one pass: braces in it are never looked at.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from kb.protocols import Answerer, Prompt, Question
from kb.types import DraftPiece, EndPiece, Piece, TextPiece


class SequenceAnswerer:
    """Implements `kb.protocols.Answerer`: yields the whole draft as one piece, then the answer.

    Each model has its own deadlines, so those of the two add up.

    Args:
        drafting: the drafter's filled prompt.
        finishing: the finisher's filled prompt for a draft.
    """

    def __init__(
        self,
        drafter: Answerer,
        drafting: Prompt,
        finisher: Answerer,
        finishing: Callable[[str], Prompt],
    ) -> None:
        self._drafter = drafter
        self._drafting = drafting
        self._finisher = finisher
        self._finishing = finishing

    async def answer(self, question: Question) -> AsyncGenerator[Piece, None]:
        """A DraftPiece, then what the finisher says. Raises ModelUnavailable if either fails."""
        draft = await _drafted(self._drafter, replace(question, prompt=self._drafting))
        yield draft
        finishing = replace(question, prompt=self._finishing(draft.text))
        async with aclosing(stream_of(self._finisher, finishing)) as pieces:
            async for piece in pieces:
                yield piece


async def stream_of(answerer: Answerer, question: Question) -> AsyncGenerator[Piece, None]:
    """The pieces of an answerer; closing it closes the answerer's own stream."""
    stream = answerer.answer(question)
    try:
        async for piece in stream:
            yield piece
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def _drafted(drafter: Answerer, question: Question) -> DraftPiece:
    parts: list[str] = []
    end = EndPiece()
    async with aclosing(stream_of(drafter, question)) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                parts.append(piece.text)
            elif isinstance(piece, EndPiece):
                end = piece
    return DraftPiece("".join(parts), end.prompt_tokens, end.completion_tokens)
