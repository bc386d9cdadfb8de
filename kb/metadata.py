"""What may be attached to a document to filter by: a flat object of texts, numbers, booleans."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from kb.errors import Rejected

MAX_FIELDS = 50
LABEL = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}"
MAX_KEY_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 1000
LARGEST_INTEGER = 2**53
"""Beyond it JSON readers disagree about the value."""


def checked_metadata(value: object) -> dict[str, Any]:
    """The metadata, if it is as it must be.

    Raises:
        Rejected: it is not a flat object, or over a limit; the field is named.
    """
    if not isinstance(value, dict):
        raise Rejected('`metadata` must be a JSON object, such as {"year": 2024}.')
    if len(value) > MAX_FIELDS:
        raise Rejected(f"`metadata` has more than {MAX_FIELDS} fields. Send fewer.")
    for key, item in value.items():
        if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():
            raise Rejected(f"`metadata`: a field name has 1 to {MAX_KEY_CHARACTERS} characters.")
        if (reason := _objection(item)) is not None:
            raise Rejected(f"`metadata.{key}` {reason}.")
    return value


def parsed_labels(text: str) -> tuple[str, ...]:
    """The labels in a text, parted by commas. Raises Rejected."""
    if not re.fullmatch(f"{LABEL}(,{LABEL})*", text):
        raise Rejected("`labels` are names of ASCII letters, digits and `._:-`, parted by commas.")
    return tuple(text.split(","))


def parsed_switches(given: Mapping[str, str]) -> dict[str, Any]:
    """The labels, days and switch of a document among some texts, by name. Raises Rejected."""
    return {name: parse(given[name]) for name, parse in _SWITCHES.items() if name in given}


def parsed_metadata(text: str) -> dict[str, Any]:
    """The metadata in a JSON text. Raises Rejected."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Rejected("`metadata` is not valid JSON.") from exc
    return checked_metadata(value)


def _parsed_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as exc:
        raise Rejected(f"{text!r} is no day. Write it as 2026-03-04.") from exc


def _parsed_switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Rejected("`enabled` is true or false.")
    return text.lower() == "true"


_SWITCHES: Mapping[str, Callable[[str], Any]] = {
    "labels": parsed_labels,
    "valid_from": _parsed_day,
    "valid_until": _parsed_day,
    "enabled": _parsed_switch,
}


def _objection(item: object) -> str | None:
    if isinstance(item, str):
        if len(item) > MAX_TEXT_CHARACTERS:
            return f"is longer than {MAX_TEXT_CHARACTERS} characters"
        return "holds a lone surrogate" if _is_broken(item) else None
    if isinstance(item, bool):
        return None
    if isinstance(item, int):
        return None if abs(item) <= LARGEST_INTEGER else f"is beyond {LARGEST_INTEGER}"
    if isinstance(item, float):
        return None if math.isfinite(item) else "is not a finite number"
    return "must be a text, a number, true or false"


def _is_broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
