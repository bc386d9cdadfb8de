"""Filters of vector stores: comparisons of attributes, and compounds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.errors import Rejected
from kb.search.filtering import MAX_NESTED, limited, parsed_filter
from kb.types import AnyOf, Clause


def clauses_of(filters: Mapping[str, Any] | None) -> tuple[Clause, ...]:
    """The conditions that the filter stands for. Raises Rejected."""
    return limited(_clauses(filters, 0)) if filters else ()


def _clauses(wanted: object, depth: int) -> tuple[Clause, ...]:
    if not isinstance(wanted, Mapping) or depth > MAX_NESTED:
        raise Rejected(f"`filters` must be objects, nested at most {MAX_NESTED} deep.")
    kind = str(wanted.get("type"))
    if kind not in ("and", "or"):
        key = str(wanted.get("key", ""))
        return parsed_filter({f"metadata.{key}": {kind: wanted.get("value")}})
    parts = wanted.get("filters")
    if not isinstance(parts, list) or not parts:
        raise Rejected(f"`filters` of type {kind} must hold a list of `filters`.")
    alternatives = [_clauses(part, depth + 1) for part in parts]
    if kind == "or":
        return (AnyOf(tuple(alternatives)),)
    return tuple(clause for part in alternatives for clause in part)
