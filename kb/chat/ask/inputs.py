"""The input variables of an app: what clients send for them, checked and written out for a prompt.

Only declared inputs reach the hidden prompt, so a client can fill nothing that the app's owner has
not opened to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from kb.errors import Rejected
from kb.types import AppContent, InputVariable

InputValue = str | bool | int | float

MAX_LENGTHS = {"text": 1_000, "paragraph": 20_000}
"""Characters of a text and of a paragraph if the variable sets no limit of its own."""

_BOOLEANS = {
    "true": "true",
    "false": "false",
    "yes": "true",
    "no": "false",
    "1": "true",
    "0": "false",
}


def checked_inputs(content: AppContent, given: Mapping[str, InputValue]) -> dict[str, str]:
    """The inputs of an app as they are put into its prompt, with defaults filled in.

    Raises:
        Rejected: one is unknown, missing, or not what it should be; it is named.
    """
    known = {variable.name for variable in content.inputs}
    unknown = [name for name in given if name not in known]
    if unknown:
        has = f"It has {', '.join(sorted(known))}." if known else "It has none."
        raise Rejected(f"This app has no input {unknown[0]!r}. {has}")
    values = {
        variable.name: checked_value(variable, given.get(variable.name, ""))
        for variable in content.inputs
    }
    missing = [v.name for v in content.inputs if v.required and not values[v.name]]
    if missing:
        raise Rejected(f"This app needs the inputs {', '.join(missing)}. Send them in `inputs`.")
    return values


def checked_value(variable: InputVariable, value: InputValue) -> str:
    """One value as text; an empty one is the default.

    Raises:
        Rejected: it does not fit the type, the options or the length.
    """
    written = _written(value)
    if not written.strip():
        return variable.default
    match variable.type:
        case "number":
            return _number(variable.name, written)
        case "boolean":
            return _boolean(variable.name, written)
        case "select":
            return _option(variable, written)
        case _:
            return _within_length(variable, written)


def max_length(variable: InputVariable) -> int | None:
    """The most characters of a value; None where its type says what it may be."""
    if variable.type not in MAX_LENGTHS:
        return None
    return variable.max_length or MAX_LENGTHS[variable.type]


def _written(value: InputValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _number(name: str, written: str) -> str:
    try:
        is_finite = math.isfinite(float(written))
    except ValueError:
        is_finite = False
    if not is_finite or "_" in written:
        raise Rejected(f"The input {name!r} must be a number, such as 12 or 0.5.")
    return written.strip()


def _boolean(name: str, written: str) -> str:
    found = _BOOLEANS.get(written.strip().lower())
    if found is None:
        raise Rejected(f"The input {name!r} must be true or false.")
    return found


def _option(variable: InputVariable, written: str) -> str:
    if written not in variable.options:
        choices = ", ".join(map(repr, variable.options))
        raise Rejected(f"The input {variable.name!r} must be one of {choices}.")
    return written


def _within_length(variable: InputVariable, written: str) -> str:
    limit = max_length(variable)
    if limit is not None and len(written) > limit:
        raise Rejected(f"The input {variable.name!r} is over {limit} characters. Shorten it.")
    return written
