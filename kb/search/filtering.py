"""The words of a filter: which documents a search may answer from.

A filter is a mapping of field → value or conditions, all of which must hold:
`{"metadata.year": {"gte": 2020}, "name": {"prefix": "policies/"}, "media_type": "text/markdown"}`.
A field that a document does not have never matches, and texts are never compared with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args

from kb.errors import Rejected
from kb.types import Condition, Operator, Scalar

FIELDS = ("name", "media_type", "id")
METADATA = "metadata."
OPERATORS = get_args(Operator)
ORDERED = ("gt", "gte", "lt", "lte")

MAX_CONDITIONS = 20
MAX_VALUES = 500


def parsed_filter(value: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a filter.

    Raises:
        Rejected: a field, an operator or a value is not understood; it is named.
    """
    conditions = tuple(
        condition for field, wanted in value.items() for condition in _of_field(field, wanted)
    )
    if len(conditions) > MAX_CONDITIONS:
        raise Rejected(f"`filter` holds more than {MAX_CONDITIONS} conditions. Send fewer.")
    return conditions


def _of_field(field: str, wanted: object) -> Iterator[Condition]:
    if field not in FIELDS and not (field.startswith(METADATA) and len(field) > len(METADATA)):
        known = ", ".join(f"`{name}`" for name in FIELDS)
        raise Rejected(
            f"`filter`: {field!r} is not a field. Known are {known} and `metadata.<key>`."
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
    if operator == "in":
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            raise Rejected(f"`filter.{field}.in` must be a list of 1 to {MAX_VALUES} values.")
        return tuple(_scalar(field, item) for item in value)
    single = _scalar(field, value)
    if operator == "prefix" and not isinstance(single, str):
        raise Rejected(f"`filter.{field}.prefix` must be a text.")
    if operator in ORDERED and isinstance(single, bool):
        raise Rejected(f"`filter.{field}.{operator}` must be a number or a text.")
    return (single,)


def _scalar(field: str, value: object) -> Scalar:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (not math.isfinite(cast(float, value)) or abs(cast(float, value)) > 2**63 - 1):
        raise Rejected(f"`filter.{field}`: the number is too large.")
    if field in FIELDS and not isinstance(value, str):
        raise Rejected(f"`filter.{field}` is compared with texts only.")
    if not isinstance(value, str | int | float | bool):
        raise Rejected(f"`filter.{field}` must be a text, a number, true or false.")
    return value
