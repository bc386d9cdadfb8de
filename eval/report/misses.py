"""The questions that went worst, with what was expected, what came, and why it was ranked so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from eval.report.markup import escape
from eval.run.measuring import Result, ranking
from eval.types import FoundPassage, Relevant

SHOWN = 25
CHANGED_SHOWN = 10
HITS_SHOWN = 5
TEXT_CHARACTERS = 420
_JUDGED_BY = (
    "mrr", "answer in 1000 tokens", "answer said", "f1", "answered", "refused",
    "groundedness", "correctness",
)  # fmt: skip
Worth = Callable[[Result], float]


def worth(result: Result) -> float:
    """One number for a question: the mean of what it was measured by; 1 if nothing was."""
    values = [result.values[name] for name in _JUDGED_BY if name in result.values]
    return sum(values) / len(values) if values else 1.0


def worst(results: Sequence[Result]) -> str:
    """The worst questions that are not all right, worst first."""
    bad = sorted((result for result in results if worth(result) < 1), key=worth)
    return "".join(_shown(result) for result in bad[:SHOWN])


def changed(before: Sequence[Result], after: Sequence[Result], *, better: bool) -> str:
    """The questions that a change made better (or worse), by most first; shown as they are now."""
    sign = 1 if better else -1
    moved = [
        (sign * (worth(new) - worth(old)), old, new) for old, new in zip(before, after, strict=True)
    ]
    most = sorted((item for item in moved if item[0] > 0), key=lambda item: -item[0])
    return "".join(
        _shown(new, f"was {worth(old):.2f}, is {worth(new):.2f}")
        for _, old, new in most[:CHANGED_SHOWN]
    )


def _shown(result: Result, tag: str = "") -> str:
    question, response = result.question, result.response
    said = tag or _place(result)
    kind = " · ".join(part for part in (question.type, question.language) if part)
    head = (
        f'{escape(question.text)} <span class="tag">{escape(said)}</span>'
        f'<span class="tag">{escape(kind)}</span>'
    )
    parts = [_expected(result)]
    if response.error:
        parts.append(f'<p class="bad">{escape(response.error)}</p>')
    if response.answer:
        parts.append(f"<h3>Answer</h3><p>{escape(response.answer.text)}</p>")
    parts.append("<h3>FoundPassage</h3>" if response.hits else "<h3>Nothing was found</h3>")
    right = ranking(question, response.hits)
    parts += [
        _hit(place, hit, bool(right[place - 1]), question.answers)
        for place, hit in enumerate(response.hits[:HITS_SHOWN], start=1)
    ]
    parts += _left_out(result)
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _place(result: Result) -> str:
    if result.response.error:
        return "failed"
    if not result.question.answerable:
        return "has no answer in the documents"
    if not result.question.relevant:
        return ""
    return f"found at {result.rank}" if result.rank else "not found"


def _expected(result: Result) -> str:
    question = result.question
    answers = " · ".join(escape(answer) for answer in question.answers) or "no answer is known"
    places = "".join(f"<br><small>{escape(_where(part))}</small>" for part in question.relevant[:4])
    if not question.answerable:
        answers = "a refusal"
    return f"<h3>Expected</h3><p>{answers}{places}</p>"


def _where(part: Relevant) -> str:
    if part.start is None:
        return part.document
    return f"{part.document}, page {part.page}, characters {part.start}–{part.end}"


def _hit(place: int, hit: FoundPassage, is_right: bool, answers: Sequence[str]) -> str:
    where = f"{place}. {hit.document}" + (f" — {hit.heading}" if hit.heading else "")
    classes = "hit right" if is_right else "hit"
    return (
        f'<div class="{classes}"><p><b>{escape(where)}</b> <small>{hit.score:.3f}</small></p>'
        f"<p>{_marked(_cut(hit.text), answers)}</p>"
        f'<p class="why">{escape(_reasons(hit.why))}</p></div>'
    )


def _left_out(result: Result) -> Iterator[str]:
    """What became of the expected documents, where they are not among the hits."""
    response = result.response
    if response.left_out is None or response.error:
        return
    wanted = dict.fromkeys(part.document for part in result.question.relevant)
    for item in response.left_out[:HITS_SHOWN]:
        yield (
            f"<p>Left out: {escape(item.document)}, {escape(item.dropped)} "
            f'<small>{item.score:.3f}</small></p><p class="why">{escape(_reasons(item.why))}</p>'
        )
    seen = {hit.document for hit in response.hits} | {item.document for item in response.left_out}
    for name in wanted:
        if name not in seen:
            yield f"<p>Never a candidate: {escape(name)}</p>"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS else text[:TEXT_CHARACTERS] + "…"


def _marked(text: str, answers: Sequence[str]) -> str:
    """The text with the first answer that stands in it marked."""
    for answer in answers:
        before, found, after = text.partition(answer)
        if answer.strip() and found:
            return f"{escape(before)}<mark>{escape(found)}</mark>{escape(after)}"
    return escape(text)


def _reasons(why: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}={_value(value)}" for name, value in why.items())


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
