"""Rows that the people around an app have made: fixed answers, better answers, what they liked.

An answer that somebody disliked is what a better one of the same question is preferred to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, TypeVar, get_args

from kb.store.apps import conversations, feedback, fixed_answers
from kb.store.apps.redaction import BLACK
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest
from kb.types import Feedback, Message, Scope
from tune.types import TrainingRow, TrainingTurn

T = TypeVar("T")
Source = Literal["fixed", "better", "approved", "liked"]
"""`approved` is what the operator liked, `liked` what users did."""

SOURCES: tuple[Source, ...] = get_args(Source)
MOST_TURNS = 4


def rows_of_app(
    tx: Transaction, scope: Scope, app: str, sources: Collection[Source] = SOURCES
) -> list[TrainingRow]:
    """The rows that an app gives, fixed answers first. Raises NotFound.

    The turns before a question are read and not learnt; a conversation is a group. What the
    operator said counts, also where users said otherwise.
    """
    found: list[TrainingRow] = []
    if "fixed" in sources:
        found += _fixed(tx, scope, app)
    opinions = _opinions(tx, scope, app)
    worse = {
        fixed_answers.wording(message.query): message.answer
        for message, said in opinions
        if said.rating == "dislike"
    }
    wanted = [(message, said) for message, said in opinions if _source(said) in sources]
    found += [_row(tx, message, said, worse) for message, said in wanted]
    return [row for row in found if not _is_redacted(row)]


def _is_redacted(row: TrainingRow) -> bool:
    """Whether words of an erased document were blacked out in it: a model would learn the bars."""
    return BLACK in (row.rejected or "") or any(BLACK in turn.content for turn in row.messages)


def _row(
    tx: Transaction, message: Message, said: Feedback, worse: Mapping[str, str]
) -> TrainingRow:
    answer = said.better_answer or message.answer
    asked = TrainingTurn("user", message.query)
    disliked = worse.get(fixed_answers.wording(message.query))
    bad = message.answer if said.better_answer else disliked
    return TrainingRow(
        (*_before(tx, message), asked, TrainingTurn("assistant", answer)),
        origin="approved" if _source(said) == "approved" else "feedback",
        group=message.conversation_id,
        rejected=bad if bad and bad != answer else None,
    )


def _source(said: Feedback) -> Source | None:
    if said.better_answer:
        return "better"
    if said.rating != "like":
        return None
    return "approved" if said.source == "operator" else "liked"


def _fixed(tx: Transaction, scope: Scope, app: str) -> Iterator[TrainingRow]:
    for each in _all(lambda part: fixed_answers.page(tx, scope, app, part)):
        turns = (TrainingTurn("user", each.question), TrainingTurn("assistant", each.answer))
        yield TrainingRow(turns, origin="fixed")


def _opinions(tx: Transaction, scope: Scope, app: str) -> list[tuple[Message, Feedback]]:
    """One opinion a message: the operator's where there is one."""
    said: dict[str, Feedback] = {}
    for each in _all(lambda part: feedback.page(tx, scope, app, part)):
        if each.source == "operator" or each.message_id not in said:
            said[each.message_id] = each
    return [(conversations.message(tx, scope, number), said[number]) for number in sorted(said)]


def _all(page_of: Callable[[PageRequest], Listing[T]]) -> Iterator[T]:
    request: PageRequest | None = PageRequest(MAX_LIMIT)
    while request is not None:
        page = page_of(request)
        yield from page.data
        request = PageRequest(MAX_LIMIT, page.next) if page.next else None


def _before(tx: Transaction, message: Message) -> Iterator[TrainingTurn]:
    own = (Scope.admin(), message.conversation_id, MOST_TURNS)
    turns, _ = conversations.history(tx, *own, before=message.id)
    for turn in turns:
        yield TrainingTurn("user", turn.query)
        yield TrainingTurn("assistant", turn.answer, 0)
