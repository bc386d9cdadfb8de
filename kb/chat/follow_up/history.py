"""How much of a conversation the model gets to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kb.types import Turn

CUT = " …"


def within_budget(
    turns: Sequence[Turn], count: Callable[[str], int], budget_tokens: int
) -> tuple[Turn, ...]:
    """The latest exchanges that fit, oldest first, without gaps.

    Exchanges stay whole, but the latest is always there while there is a budget: if it does not
    fit, its answer is cut, because a follow-up most likely asks about how it begins.

    Args:
        turns: oldest first.
        count: tokens of a text, in the model's own count or an estimate.
    """
    kept: list[Turn] = []
    left = budget_tokens
    for turn in reversed(turns):
        cost = count(turn.query) + count(turn.answer)
        if cost > left:
            break
        kept.append(turn)
        left -= cost
    if not kept and turns and budget_tokens > 0:
        return (_cut(turns[-1], count, budget_tokens),)
    return tuple(reversed(kept))


def _cut(turn: Turn, count: Callable[[str], int], budget_tokens: int) -> Turn:
    """The longest beginning of the answer, then of the question, found by halving."""
    query = _beginning(turn.query, count, budget_tokens)
    left = budget_tokens - count(query)
    return replace(turn, query=query, answer=_beginning(turn.answer, count, left))


def _beginning(text: str, count: Callable[[str], int], budget_tokens: int) -> str:
    if count(text) <= budget_tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle] + CUT) <= budget_tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low] + CUT if low else ""
