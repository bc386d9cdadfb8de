"""Whose turn it is: keys take turns, and so do the datasets of a key.

What that costs grows with how many of them wait, and not with how much: each is found by one look
into an index, and of each only as many jobs are looked at as are wanted altogether.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, Select, String, bindparam, func, select, tuple_

from kb.store.engine import dialect, schema

table = schema.jobs

Party = tuple[str, str]
"""Who takes turns with others: a key, and one of its datasets."""


OF_KIND = bindparam("of_kind", type_=String)


def in_turns(is_next: ColumnElement[bool]) -> Select[Any]:
    """Ids of jobs that may be next, in their order: the first of each key, the second of each, …

    What was begun least often comes first, then turns count, then age. A statement with parameters:
    `most` jobs `of_kind`, of nobody who is among `besides`.
    """
    party, most = _parties(), bindparam("most", type_=Integer)
    own = (table.c.key_id == party.c.key_id) & (table.c.dataset_id == party.c.dataset_id)
    first = select(table.c.id).where(is_next, own).order_by(table.c.attempts, table.c.id)
    job = table.alias()
    first = first.limit(most).correlate(party)
    is_first = dialect.among(job.c.id, first.scalar_subquery())
    who = tuple_(party.c.key_id, party.c.dataset_id)
    turn = func.row_number().over(
        partition_by=(party.c.key_id, party.c.dataset_id), order_by=(job.c.attempts, job.c.id)
    )
    rows = (
        select(job.c.id, job.c.attempts, party.c.key_id, turn.label("turn"))
        .join_from(party, job, is_first)
        .where(who.not_in(bindparam("besides", expanding=True)))
        .subquery()
    )
    turn_of_key = (rows.c.turn, rows.c.id)
    of_key = func.row_number().over(partition_by=rows.c.key_id, order_by=turn_of_key)
    return select(rows.c.id).order_by(rows.c.attempts, of_key, rows.c.id).limit(most)


def _parties() -> CTE:
    """Who has jobs of a kind: the key after each key, and of each the dataset after each one."""
    own, key, dataset = table.c.kind == OF_KIND, table.c.key_id, table.c.dataset_id
    keys = select(func.min(key).label("key_id")).where(own).cte("keys", recursive=True)
    later = select(func.min(key)).where(own, key > keys.c.key_id)
    keys = keys.union_all(select(later.scalar_subquery()).where(keys.c.key_id.is_not(None)))
    first = select(func.min(dataset)).where(own, key == keys.c.key_id).scalar_subquery()
    found = select(keys.c.key_id, first.label("dataset_id")).where(keys.c.key_id.is_not(None))
    parties = found.cte("parties", recursive=True)
    later = select(func.min(dataset)).where(
        own, key == parties.c.key_id, dataset > parties.c.dataset_id
    )
    more = select(parties.c.key_id, later.scalar_subquery())
    return parties.union_all(more.where(parties.c.dataset_id.is_not(None)))
