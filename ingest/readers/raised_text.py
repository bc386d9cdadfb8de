"""Raised and lowered text (superscripts, subscripts, note marks) in a line of plain text.

Set into the line as they stand they change figures: 10⁶ litres would be 106 litres, and 50 EUR with
the note 1 would be 501 EUR. Readers mark such text while they read (`raised`, `lowered`, `noted`),
run by run; `resolved` writes it when the whole line is known: a power as `10^6`, a unit as `m²`, a
note mark as `50 [1] EUR`.
"""

from __future__ import annotations

import re

_RAISED, _LOWERED, _NOTED, _END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
"""Noncharacters of Unicode, which no text may hold."""

_MARKED = re.compile(
    f"([{_RAISED}{_LOWERED}])((?:[^{_RAISED}-{_END}]*{_END}\\1)*[^{_RAISED}-{_END}]*){_END}"
    f"|{_NOTED}([^{_RAISED}-{_END}]*){_END}"
)
"""Runs that follow each other are one: `⁻` and `⁶` are one exponent."""
_LEFT_OVER = re.compile(f"[{_RAISED}-{_END}]")
_LOOK_BACK = 40
_LOOK_AHEAD = 10

_DIGITS = re.compile(r"[-+\u2212\u2013]?\d{1,4}$")
_MARKS = re.compile(r"\d{1,3}(?:\s?[,–-]\s?\d{1,3})*$|[a-d*†‡§#]{1,3}$|[\[(].{1,12}[\])]$")
_UNIT = re.compile(
    r"(?:^|[^A-Za-z])(?:[a-zA-Zµμ]|[kcdmnµμ]m|ft|in|yd|mi|sec|ha|mol|Hz)$|[=+*/(]\s*[A-Za-z]{1,3}$"
)
_FACTOR = re.compile(r"[x×·*⋅∙]\s*\d+(?:[.,]\d+)?$")
_FIGURE = re.compile(r"(?:^|[^\d.,])(\d{1,2})$")
_MONEY = re.compile(r"\s*(?:[€$£¥%‰]|[A-Z]{3}\b|(?i:euro|dollar|percent))")
_FORMULA = re.compile(r"\([^()]*[-+*/=\u2212][^()]*\)$")
_SUPERSCRIPTS = str.maketrans("0123456789+-\u2212\u2013", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")


def raised(text: str) -> str:
    """Text that stands raised; what it means is told by `resolved`."""
    return f"{_RAISED}{text}{_END}" if text.strip() else text


def lowered(text: str) -> str:
    """Text that stands lowered."""
    return f"{_LOWERED}{text}{_END}" if text.strip() else text


def noted(mark: str) -> str:
    """The mark of a note of which the format itself says that it is one."""
    return f"{_NOTED}{mark.strip('[]')}{_END}"


def resolved(line: str) -> str:
    """The line with all marked text as plain characters that change no figure."""
    if line.isascii() or _LEFT_OVER.search(line) is None:
        return line
    parts: list[str] = []
    position = 0
    for match in _MARKED.finditer(line):
        parts.append(line[position : match.start()])
        before = "".join(parts[-3:])[-_LOOK_BACK:]
        after = line[match.end() : match.end() + _LOOK_AHEAD]
        mark = _LEFT_OVER.sub("", match[2] or match[3] or "")
        parts.append(_written(match[1], mark, before, after))
        position = match.end()
    return _LEFT_OVER.sub("", "".join([*parts, line[position:]]))


def _written(kind: str | None, text: str, before: str, after: str) -> str:
    mark = text.strip()
    trailing = " " if text != text.rstrip() and after[:1].strip() else ""
    if kind is None:
        return _note(mark, before) + trailing
    if kind == _LOWERED:
        apart = before[-1:].isdigit() or (before[-1:].islower() and mark[:1].isdigit())
        return ("_" if apart else "") + mark + trailing
    return _superscript(mark, before, after) + trailing


def _superscript(mark: str, before: str, after: str) -> str:
    last = before[-1:]
    if mark.isalpha() and (len(mark) > 1 or mark in "eoaª" or not last.strip()):
        return mark if not (last.isdigit() and mark in "abcd") else _note(mark, before)
    if not _MARKS.match(mark) and not _DIGITS.match(mark):
        joined = last.isalnum() or last == ")"
        return f"^{mark}" if joined and any(map(str.isalnum, mark)) else mark
    if last.isdigit() or last == ")":
        return f"^{mark}" if _is_power(mark, before, after) else _note(mark, before)
    if _DIGITS.match(mark) and (mark != "1") and _UNIT.search(before.rstrip()):
        return mark.translate(_SUPERSCRIPTS)
    return _note(mark, before)


def _is_power(mark: str, before: str, after: str) -> bool:
    """Whether a raised mark behind a figure is an exponent: of 10 or of one digit, behind a
    factor, or with a sign. Nobody writes the exponent 1, and nobody money as a power."""
    if not _DIGITS.match(mark):
        return mark.isalpha() and mark not in "abcd"
    if not mark.isdigit() or _FACTOR.search(before):
        return True
    if before.endswith(")"):
        return _FORMULA.search(before) is not None
    figure = _FIGURE.search(before)
    small = figure is not None and (len(figure[1]) == 1 or figure[1] in ("10", "16"))
    return small and mark != "1" and not _MONEY.match(after)


def _note(mark: str, before: str) -> str:
    apart = " " if before[-1:].isdigit() else ""
    return f"{apart}{mark}" if mark[:1] in "[(" else f"{apart}[{mark}]"
