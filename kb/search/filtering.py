"""The words of a filter: which documents a search may answer from.

A filter is a mapping of field → value or conditions, which must all hold; `or` takes filters:
`{"metadata.year": {"gte": 2020}, "name": {"prefix": "policies/"}, "media_type": "text/markdown"}`.
A field that a document does not have never matches, also with `ne` and `nin`. A text never equals a
number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast, get_args

from kb.errors import Rejected
from kb.types import AnyOf, Clause, Condition, Operator, Scalar

FIELDS = ("name", "media_type", "id")
METADATA = "metadata."
OPERATORS = get_args(Operator)
ORDERED = ("gt", "gte", "lt", "lte")
OF_LISTS = ("in", "nin")
OR = "or"

MAX_CONDITIONS = 20
MAX_VALUES = 500
MAX_NESTED = 4


def parsed_filter(value: Mapping[str, Any]) -> tuple[Clause, ...]:
    """What a document must fulfil, all of it.

    Raises:
        Rejected: a field, an operator or a value is not understood; it is named.
    """
    return limited(_clauses(value, depth=0))


def limited(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    """The clauses. Raises Rejected where they are too many."""
    if _count(clauses) > MAX_CONDITIONS:
        raise Rejected(f"`filter` holds more than {MAX_CONDITIONS} conditions. Send fewer.")
    return clauses


def _count(clauses: Iterable[Clause]) -> int:
    return sum(
        sum(map(_count, clause.alternatives)) if isinstance(clause, AnyOf) else 1
        for clause in clauses
    )


def _clauses(value: Mapping[str, Any], depth: int) -> tuple[Clause, ...]:
    return tuple(
        clause
        for field, wanted in value.items()
        for clause in ([_any_of(wanted, depth)] if field == OR else _of_field(field, wanted))
    )


def _any_of(wanted: object, depth: int) -> AnyOf:
    if depth == MAX_NESTED:
        raise Rejected(f"`filter.or` is nested more than {MAX_NESTED} deep. Send a flatter filter.")
    if not isinstance(wanted, list) or not wanted:
        raise Rejected("`filter.or` must be a list of filters.")
    if not all(isinstance(item, Mapping) and item for item in wanted):
        raise Rejected("`filter.or` must be a list of filters, each with a condition.")
    return AnyOf(tuple(_clauses(item, depth + 1) for item in wanted))


def _of_field(field: str, wanted: object) -> Iterator[Condition]:
    if field not in FIELDS and not (field.startswith(METADATA) and len(field) > len(METADATA)):
        known = ", ".join(f"`{name}`" for name in FIELDS)
        raise Rejected(
            f"`filter`: {field!r} is not a field. Known are {known}, `metadata.<key>` and `or`."
        )
    if not isinstance(wanted, Mapping):
        yield Condition(field, "eq", (_scalar(field, wanted),))
        return
    if not wanted:
        raise Rejected(
            f"`filter.{field}` names no condition. Give it a value, or an operator with one."
        )
    for operator, value in wanted.items():
        if operator not in OPERATORS:
            known = ", ".join(OPERATORS)
            raise Rejected(f"`filter.{field}`: {operator!r} is not an operator. Known are {known}.")
        yield Condition(field, cast(Operator, operator), _values(field, operator, value))


def _values(field: str, operator: str, value: object) -> tuple[Scalar, ...]:
    if operator in OF_LISTS:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            raise Rejected(
                f"`filter.{field}.{operator}` must be a list of 1 to {MAX_VALUES} values."
            )
        return tuple(_scalar(field, item) for item in value)
    single = _scalar(field, value)
    if operator == "prefix" and not isinstance(single, str):
        raise Rejected(f"`filter.{field}.prefix` must be a text.")
    if operator in ORDERED and isinstance(single, bool):
        raise Rejected(f"`filter.{field}.{operator}` must be a number or a text.")
    return (single,)


def _scalar(field: str, value: object) -> Scalar:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not -(2**63) < cast(float, value) < 2**63:  # nor is NaN between them
        raise Rejected(f"`filter.{field}`: the number is too large.")
    if field in FIELDS and not isinstance(value, str):
        raise Rejected(f"`filter.{field}` is compared with texts only.")
    if not isinstance(value, str | int | float | bool):
        raise Rejected(f"`filter.{field}` must be a text, a number, true or false.")
    return value
