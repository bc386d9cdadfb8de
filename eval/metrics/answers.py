"""Whether the right answer was said: exact match and F1, and whether it stands in a text at all.

Both compare after making case, width, punctuation and scripts without blanks alike, in two forms:
`answer_units` is that of the question answering metrics, which delete punctuation; `searchable` is
for finding an answer inside of a text, where 1990–2000 holds 1990.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from kb.text.scripts import HAN_KANA_HANGUL

UNSPACED = f"{HAN_KANA_HANGUL}\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Characters of scripts that do not mark words (and Hangul, whose endings change a word)."""

_UNIT = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
_SEARCHED = re.compile(f"[{UNSPACED}]|[^\\W_{UNSPACED}]+")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_REFUSAL = re.compile(
    r"抱歉|对不起|很遗憾|无法(?:回答|提供|帮助|协助)|不能(?:回答|提供)|不知道|作为(?:一个)?(?:AI|人工智能)"
    r"|\b(?:I(?:'m| am) (?:sorry|unable)|I apologi[sz]e|I (?:cannot|can't|am not able to)"
    r"|as an AI\b|I do(?:n't| not) (?:know|have (?:enough )?information))",
    re.IGNORECASE,
)
_REFUSES_WITHIN = 80
REMEMBERED = 4096

Offsets = Callable[[str], Sequence[tuple[int, int]]]
"""Where the tokens of a text start and end."""

CONTEXT_TOKENS = 1000


def refuses(answer: str) -> bool:
    """Whether an answer begins by refusing, in English or Chinese."""
    return bool(_REFUSAL.search(answer[:_REFUSES_WITHIN]))


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the answer equals one of the right ones after normalisation, else 0.

    Without right answers the question has none: then only an empty answer matches.

    Source:
        Rajpurkar et al., "SQuAD", EMNLP 2016; normalisation in `answer_units`.
    """
    units = answer_units(answer)
    return float(any(units == answer_units(gold) for gold in golds or ("",)))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 over the right answers: harmonic mean of precision and recall of units.

    Units are words, and single characters in Chinese, Japanese and other scripts that do not mark
    words. Without right answers the question has none: then an empty answer is 1, any other 0.

    Source:
        Rajpurkar et al., "SQuAD", EMNLP 2016: units as bags. For Chinese this is more lenient than
        the script of CMRC 2018, which counts the longest common run; for Japanese it is JGLUE's.
    """
    units = answer_units(answer)
    return max(_f1(units, answer_units(gold)) for gold in golds or ("",))


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    if not answer or not gold:
        return float(not answer and not gold)
    common = (Counter(answer) & Counter(gold)).total()
    return 2 * common / (len(answer) + len(gold))


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
        offsets: the tokenizer that the budget is counted by (`eval.metrics.tokens.offsets`).
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


def answer_units(text: str) -> list[str]:
    """The units of an answer: words of spaced scripts, single characters of the others.

    Small letters, full width made half (NFKC), punctuation and the articles a, an, the removed.

    Source:
        The evaluation script of SQuAD (Rajpurkar et al., EMNLP 2016), with the punctuation of
        Unicode instead of ASCII as MLQA has it (Lewis et al., ACL 2020), and Chinese in characters
        as CMRC 2018 has it (Cui et al., EMNLP 2019).
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.category(c).startswith(("P", "S")))
    return _UNIT.findall(_ARTICLE.sub(" ", plain))


@lru_cache(maxsize=REMEMBERED)
def searchable(text: str) -> str:
    """The words of a text between blanks, one blank at each end: `searchable(a) in searchable(b)`
    says whether the words of a stand in b, whole and in order.

    Case, width, punctuation and line breaks do not count; a character of an unspaced script is a
    word of its own. Blank if there are no words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _SEARCHED.findall(folded)
    return f" {' '.join(words)} " if words else ""
