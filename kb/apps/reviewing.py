"""The queue of what went wrong: questions that ask for nearly the same, and what is made of them.

Each question joins the group before it whose first is most alike, so the same answers always make
the same groups. A group goes by its first message, and grows with later ones.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from kb.errors import NotFound, Rejected
from kb.ids import now
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import conversations, fixed_answers, reviews
from kb.store.apps.reviews import Wrong
from kb.types import Message, Scope

Kind = Literal["refused", "weak", "unsupported", "disliked"]
Made = Literal["fixed_answer", "evaluation_question", "training_row", "dismissed", "open"]
Group = list[Wrong]
"""Oldest first."""

LEAST, A_WORD = 0.5, 0.05
"""How alike the questions of a group are: looser than where an answer is at stake."""
MOST = 1000
"""Answers that are looked at, the newest."""


def groups(kb: KnowledgeBase, scope: Scope, app: str | None, *, is_done: bool) -> list[Group]:
    """What a person has dealt with, or nobody has, of one app or all; the largest groups first."""
    alike, found = kb.chat.alike, dict[str, Group]()
    for each in kb.database.reading(reviews.wrong, scope, app, is_done=is_done, most=MOST):
        message, review = each.message, each.message.review
        firsts = [first.message for first, *_ in found.values()]
        others = [
            (first.id, first.query, alike.vector_of(first.query))
            for first in firsts
            if first.app_id == message.app_id
        ]
        near = None if review else alike.most_alike(message.query, others, LEAST, A_WORD)
        joined = review["group_id"] if review else near[0] if near else message.id
        found.setdefault(joined, []).append(each)
    return sorted(found.values(), key=lambda group: (-len(group), group[0].message.id))


def kinds(each: Wrong) -> list[Kind]:
    """What went wrong with an answer."""
    held: dict[Kind, bool] = {
        "refused": each.message.grounded is False,
        "weak": each.message.grounded == "weak",
        "unsupported": bool(each.message.unsupported),
        "disliked": bool(each.dislikes),
    }
    return [kind for kind, holds in held.items() if holds]


def resolve(
    kb: KnowledgeBase, scope: Scope, message_id: str, made: Made, question: str, answer: str
) -> Group:
    """Make something of the open group of a message, which is done then; "open" undoes it.

    Without a question it is that of the first message, without an answer the latest better one.
    Raises NotFound, Rejected where an answer is needed, Conflict where the question has one.
    """
    app_id = kb.database.reading(conversations.message, scope, message_id).app_id
    every = groups(kb, scope, app_id, is_done=made == "open")
    group = next((g for g in every if any(each.message.id == message_id for each in g)), None)
    if group is None:
        raise NotFound("message to review", message_id)
    first, left = group[0].message, None
    said = answer or next((each.better for each in reversed(group) if each.better), "")
    if not said and made in ("fixed_answer", "training_row"):
        raise Rejected("Nobody has said what is right. Send an `answer`.")
    with kb.database.write() as tx:
        if made != "open":
            row = _row(first, made, question or first.query, said)
            if made == "fixed_answer":
                row["id"] = fixed_answers.add(tx, scope, app_id, **row).id
            left = {"group_id": first.id, "as": made, "made": row, "at": now()}
        elif first.review and first.review["as"] == "fixed_answer":
            with suppress(NotFound):  # deleted meanwhile
                fixed_answers.remove(tx, scope, app_id, first.review["made"]["id"])
        reviews.mark(tx, [each.message.id for each in group], left)
    kb.chat.alike.embed(app_id)
    return [each._replace(message=replace(each.message, review=left)) for each in group]


def _row(first: Message, made: Made, question: str, answer: str) -> dict[str, Any]:
    """What is made of a question, in the form of those who read it."""
    known = {"reference": answer} if answer else {"answerable": False}
    turns = (("user", question), ("assistant", answer))
    rows: dict[Made, dict[str, Any]] = {
        "fixed_answer": {"question": question, "answer": answer, "message_id": first.id},
        "evaluation_question": {"id": first.id, "question": question, **known},
        "training_row": {"messages": [{"role": role, "content": text} for role, text in turns]},
    }
    return rows.get(made, {})
