"""The report about a set: what blocks training, what warns, and its measures."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from eval.metrics.answers import refuses
from kb.store.apps.fixed_answers import wording
from kb.text.languages import language_of
from kb.text.scripts import WIDE
from tune.checking.likeness import asked, near_pairs
from tune.checking.personal import personal_data_in, secrets_in
from tune.checking.splitting import leaks
from tune.rows.forms import finding
from tune.types import Finding, TrainingReport, TrainingRow

Check = Callable[[Sequence[TrainingRow]], Iterator[Finding]]

FEW_ROWS = 50
"""OpenAI's guide starts with 50 good rows."""
MOST_REFUSALS = 0.3
"""Set by hand. OpenAI's guide: with 60 % refusals a model refuses too much."""
MOST_OF_ONE = 0.5
MOST_UNEVEN = 10
SAMPLED_ROWS = 500
"""Rows whose language is looked at, evenly spread."""

_DAMAGED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]|锟斤拷|â€|Ã[\x80-\xbf]")
_WIDE = re.compile(f"[{WIDE}]")


def check(
    rows: Sequence[TrainingRow],
    *,
    count_tokens: Callable[[str], int] | None = None,
    max_tokens: int | None = None,
    found: Iterable[Finding] = (),
) -> TrainingReport:
    """Look at rows from all sides.

    Args:
        count_tokens: of the target's tokenizer; None estimates.
        max_tokens: of a row; what is longer is cut by the trainer.
        found: what was found when they were read.
    """
    findings = [*found, *(each for one in _CHECKS for each in one(rows)), *leaks(rows)]
    lengths = [_lengths(row, count_tokens or estimated_tokens) for row in rows]
    if max_tokens is not None:
        findings += _too_long(lengths, max_tokens)
    findings.sort(key=lambda each: not each.blocks)
    measures = _measures(rows, [asking + answer for asking, answer in lengths])
    return TrainingReport(len(rows), tuple(findings), measures)


def estimated_tokens(text: str) -> int:
    """About the tokens of a text: one a wide character, one for four others."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + 3) // 4


def _shape(rows: Sequence[TrainingRow]) -> Iterator[Finding]:
    if len(rows) < FEW_ROWS:
        yield Finding("few_rows", False, f"{len(rows)} rows are few: {FEW_ROWS} are a start.")
    learnt = [row.messages[-1].role == "assistant" or row.label is not None for row in rows]
    yield from _rows("no_answer", "end without an answer", learnt, False, blocks=True)
    last = [row.messages[-1] for row in rows]
    empty = [turn.role == "assistant" and not turn.content.strip() for turn in last]
    yield from _rows("empty_answer", "have an empty answer", empty, blocks=True)
    spoken = [[turn.weight for turn in row.messages if turn.role == "assistant"] for row in rows]
    read = [bool(each) and set(each) == {0} for each in spoken]
    yield from _rows("masked_out", "have no answer with a weight other than 0", read, blocks=True)
    asks = [bool(row.prompt.strip()) for row in rows]
    yield from _rows("empty_question", "have no question", asks, False)
    same = [row.rejected is not None and row.rejected == row.answer for row in rows]
    detail = "prefer an answer to the same answer"
    yield from _rows("same_preference", detail, same, blocks=True)
    damaged = [any(_DAMAGED.search(turn.content) for turn in row.messages) for row in rows]
    yield from _rows("damaged_text", "hold control characters or a wrong encoding", damaged)


def _repeated(rows: Sequence[TrainingRow]) -> Iterator[Finding]:
    answers: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, row in enumerate(rows):
        answers[_before(row)][f"{row.answer}\0{row.label}\0{row.rejected}"].append(number)
    copies = [n for each in answers.values() for same in each.values() for n in same[1:]]
    if copies:
        yield finding("duplicate", "say what another row says", copies)
    torn = [n for each in answers.values() if len(each) > 1 for same in each.values() for n in same]
    if torn:
        detail = "answer a question otherwise than others do (fine for stories, not for facts)"
        yield finding("different_answers", detail, torn)
    questions = list(answers)
    near = {later for _, later, _ in near_pairs(questions)}
    first = [next(iter(answers[questions[n]].values()))[0] for n in near]
    if first:
        yield finding("near_duplicate", "ask nearly what another row asks", first)


def _before(row: TrainingRow) -> str:
    """What is said before the answer, as far as it tells rows apart."""
    said = "".join(turn.content for turn in row.messages[:-1] if turn.role != "system")
    return wording(said if row.messages[-1].role == "assistant" else asked(row))


def _private(rows: Sequence[TrainingRow]) -> Iterator[Finding]:
    for code, kinds_in in (("secret", secrets_in), ("personal_data", personal_data_in)):
        holders: dict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            text = "\n".join([*(turn.content for turn in row.messages), row.rejected or ""])
            for kind in kinds_in(text):
                holders[kind].append(number)
        for kind, numbers in holders.items():
            yield finding(code, f"hold what looks like a {kind}", numbers, blocks=code == "secret")


def _balance(rows: Sequence[TrainingRow]) -> Iterator[Finding]:
    refusing = [number for number, row in enumerate(rows) if refuses(row.answer)]
    if len(refusing) > MOST_REFUSALS * len(rows):
        yield finding("many_refusals", "refuse, as the model will", refusing)
    labels = Counter(row.label for row in rows if row.label is not None)
    if len(labels) > 1 and max(labels.values()) > MOST_UNEVEN * min(labels.values()):
        rare = {label for label, n in labels.items() if n * MOST_UNEVEN < max(labels.values())}
        numbers = [number for number, row in enumerate(rows) if row.label in rare]
        yield finding("uneven_labels", "have one of the rare labels", numbers)
    said = Counter(row.answer for row in rows if row.label is None)
    for answer, count in said.most_common(1):
        if len(said) > 1 and count > MOST_OF_ONE * len(rows):
            same = [number for number, row in enumerate(rows) if row.answer == answer]
            yield finding("one_answer", "have one and the same answer", same)


_CHECKS: tuple[Check, ...] = (_shape, _repeated, _private, _balance)


def _rows(
    code: str, detail: str, marks: Iterable[bool], wrong: bool = True, *, blocks: bool = False
) -> Iterator[Finding]:
    numbers = [number for number, mark in enumerate(marks) if mark is wrong]
    if numbers:
        yield finding(code, detail, numbers, blocks=blocks)


def _lengths(row: TrainingRow, count: Callable[[str], int]) -> tuple[int, int]:
    """Tokens before the last answer, and of it. Templates add some."""
    turns = [count(turn.content) for turn in row.messages]
    is_answered = row.messages[-1].role == "assistant"
    return (sum(turns[:-1]), turns[-1]) if is_answered else (sum(turns), 0)


def _too_long(lengths: Collection[tuple[int, int]], most: int) -> Iterator[Finding]:
    cut = [asking < most < asking + answer for asking, answer in lengths]
    yield from _rows(
        "cut", f"are longer than {most} tokens, so that the end of the answer is cut", cut
    )
    gone = [asking >= most for asking, _ in lengths]
    yield from _rows("all_cut", f"teach nothing, since {most} tokens end before the answer", gone)


def _measures(rows: Sequence[TrainingRow], lengths: Sequence[int]) -> dict[str, Any]:
    if not rows:
        return {}
    sampled = rows[:: -(-len(rows) // SAMPLED_ROWS)]
    spoken = Counter(row.language or language_of(row.answer) or "unknown" for row in sampled)
    ordered = sorted(lengths)
    return {
        "tokens": {
            "total": sum(lengths),
            "median": statistics.median(lengths),
            "p95": ordered[int(0.95 * (len(ordered) - 1))],
            "longest": ordered[-1],
        },
        "refusals": round(sum(refuses(row.answer) for row in rows) / len(rows), 3),
        "languages": {name: round(n / len(sampled), 3) for name, n in spoken.most_common(5)},
        "origins": dict(Counter(row.origin for row in rows)),
        "splits": dict(Counter(row.split or "train" for row in rows)),
        "labels": dict(Counter(row.label for row in rows if row.label is not None).most_common(20)),
        "groups": len({row.group for row in rows if row.group}),
    }
