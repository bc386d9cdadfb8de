"""Dify's conditions on the metadata of documents, as conditions of a search here.

What cannot be kept is refused: a condition that is left out would let documents answer that its
author has shut out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.dialects.dialect import Body
from api.resources.fields import Name
from kb.errors import Rejected
from kb.search.filtering import MAX_CONDITIONS, parsed_filter
from kb.types import AnyOf, Clause

OPERATORS = {
    "is": "eq",
    "is not": "ne",
    "in": "in",
    "not in": "nin",
    "start with": "prefix",
    "=": "eq",
    "≠": "ne",
    ">": "gt",
    "<": "lt",
    "≥": "gte",
    "≤": "lte",
    "!=": "ne",
    ">=": "gte",
    "<=": "lte",
    "after": "gt",
    "before": "lt",
}

NUMERIC = frozenset({"=", "≠", ">", "<", "≥", "≤", "!=", ">=", "<="})

FIELDS = {"document_name": "name"}
"""Dify's own fields that are fields here; all others are metadata."""


class MetadataCondition(Body):
    """One condition; Dify's external API sends the name in a list."""

    name: Name | Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    comparison_operator: Name
    value: Any = None

    def to_conditions(self) -> tuple[Clause, ...]:
        """Raises Rejected: it cannot be kept here."""
        names = (self.name,) if isinstance(self.name, str) else self.name
        if len(names) > 1:
            raise Rejected("A condition here is about one field. Send one condition for each.")
        asked = self.comparison_operator
        operator = OPERATORS.get(asked)
        if operator is None:
            known = ", ".join(OPERATORS)
            raise Rejected(f"`{asked}` is not compared here. Use one of: {known}.")
        field = FIELDS.get(names[0], f"metadata.{names[0]}")
        value = number(names[0], self.value) if asked in NUMERIC else self.value
        return parsed_filter({field: value if operator == "eq" else {operator: value}})


class MetadataConditions(Body):
    """Conditions that all must hold, or one of them with `or`."""

    logical_operator: Literal["and", "or"] | None = None
    conditions: Annotated[tuple[MetadataCondition, ...], Field(max_length=MAX_CONDITIONS)] | None

    def to_conditions(self) -> tuple[Clause, ...]:
        """Raises Rejected: they cannot be kept here."""
        conditions = tuple(asked.to_conditions() for asked in self.conditions or ())
        if self.logical_operator == "or" and conditions:
            return (AnyOf(conditions),)
        return tuple(each for held in conditions for each in held)


def number(name: str, value: Any) -> int | float:
    """A number; Dify's forms send it as a text. Raises Rejected."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    try:
        return int(text) if len(text) < 20 and text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise Rejected(f"`{name}` is a number; send one.") from None
