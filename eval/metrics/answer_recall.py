"""Answer recall: whether the right answer stands in what a language model would get to read.

Unlike recall by passage this compares searches that split documents differently: all have the same
number of tokens to spend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from eval.metrics.words import searchable

Offsets = Callable[[str], Sequence[tuple[int, int]]]
"""Where the tokens of a text start and end."""

CONTEXT_TOKENS = 1000


def answer_recall(
    texts: Sequence[str],
    answers: Sequence[str],
    *,
    offsets: Offsets,
    tokens: int = CONTEXT_TOKENS,
    need: Literal["any", "all"] = "any",
) -> float:
    """Whether an answer stands in the first so many tokens of the hits.

    Args:
        texts: the hits, best first; each counts for itself, and the last that fits is cut.
        answers: right answers.
        offsets: the tokenizer that the budget is counted by (`eval.tokens.offsets`).
        tokens: the budget.
        need: "any" answer is enough (0 or 1), or "all" are needed (their share).

    Source:
        The "has answer" recall of Karpukhin et al., "Dense Passage Retrieval for Open-Domain
        Question Answering", EMNLP 2020, with a budget of tokens instead of passages.
    """
    return answer_in(list(within(texts, tokens, offsets)), answers, need=need)


def answer_in(
    texts: Sequence[str], answers: Sequence[str], *, need: Literal["any", "all"] = "any"
) -> float:
    """Whether an answer stands in one of the texts: its words, whole and in order.

    Returns 0 without answers. An answer without letters or digits is looked for as it is.
    """
    found = [_stands_in(texts, answer) for answer in answers]
    if need == "all":
        return sum(found) / len(found) if found else 0.0
    return float(any(found))


def within(texts: Sequence[str], tokens: int, offsets: Offsets) -> Iterator[str]:
    """The texts up to a budget of tokens; the last one is cut where the budget ends."""
    left = tokens
    for text in texts:
        if left <= 0:
            return
        found = offsets(text)
        yield text if len(found) <= left else text[: found[left - 1][1]]
        left -= len(found)


def _stands_in(texts: Sequence[str], answer: str) -> bool:
    words = searchable(answer)
    if words:
        return any(words in searchable(text) for text in texts)
    return bool(answer.strip()) and any(answer.strip() in text for text in texts)
