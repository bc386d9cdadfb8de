"""What a spreadsheet's cell shows: stored numbers with their formats, dates in ISO form.

Dates are stored as days since an epoch and are dates only by their number format.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ingest.readers.office.xml_parts import Element

_EPOCH_1900 = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
_PHANTOM_DAY = 60
"""1900-02-29, which Lotus 1-2-3 believed in; days before it are off by one."""
_LAST_DAY = 2_958_466

# Formats that Office knows by number (ECMA-376 part 1, 18.8.30); 27 to 58 are East Asian dates.
_BUILT_IN = {
    9: "0%",
    10: "0.00%",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm",
    19: "h:mm:ss",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys(range(32, 36), "h:mm:ss"),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[[hms]+\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_MINUTES = re.compile(r"(?<=h)([^a-z]*)m{1,2}|m{1,2}(?=[^a-z]*s)|am/pm|a/p")
_DATE_LETTERS = re.compile(r"[ydm年月日]")


@dataclass(frozen=True, slots=True)
class _Format:
    """What a number format makes of a number; `decimals` is for percentages."""

    is_duration: bool = False
    has_date: bool = False
    has_time: bool = False
    decimals: int | None = None


def _format(code: str) -> _Format:
    section = _LITERAL.sub("", code.split(";")[0].lower())
    if _ELAPSED.search(section):
        return _Format(is_duration=True)
    plain = _BRACKETS.sub("", section)
    if plain == "general":
        return _Format()
    if "%" in plain:
        return _Format(decimals=plain.partition(".")[2].count("0"))
    has_date = _DATE_LETTERS.search(_MINUTES.sub("", plain)) is not None
    return _Format(has_date=has_date, has_time="h" in plain or "s" in plain)


class Formats:
    """The number formats of a workbook, by the style number of a cell."""

    def __init__(self, styles: Element | None, *, from_1904: bool) -> None:
        self._epoch = _EPOCH_1904 if from_1904 else _EPOCH_1900
        self._from_1904 = from_1904
        own: dict[str, str] = {}
        self._formats: list[_Format] = []
        for entry in styles.iterfind("{*}numFmts/{*}numFmt") if styles is not None else ():
            own[entry.get("numFmtId", "")] = entry.get("formatCode", "")
        for entry in styles.iterfind("{*}cellXfs/{*}xf") if styles is not None else ():
            number = entry.get("numFmtId", "0")
            built_in = _BUILT_IN.get(int(number), "") if number.isdecimal() else ""
            self._formats.append(_format(own.get(number, built_in)))

    def shown(self, value: str, style: str) -> str:
        """A stored number as text: a date, a time, a percentage, or the number without noise."""
        try:
            number = float(value)
        except ValueError:
            return value
        index = int(style) if style.isdecimal() else 0
        form = self._formats[index] if index < len(self._formats) else _Format()
        if not math.isfinite(number):
            return value
        if form.is_duration:
            return _duration(number)
        if (form.has_date or form.has_time) and 0 <= number < _LAST_DAY:
            return self._moment(number, form.has_date, form.has_time)
        if form.decimals is not None:
            return f"{number * 100:.{form.decimals}f}%"
        return _plain_number(number)

    def _moment(self, number: float, has_date: bool, has_time: bool) -> str:
        if not self._from_1904 and number < _PHANTOM_DAY:
            number += 1
        moment = self._epoch + timedelta(seconds=round(number * 86_400))
        if not has_date:
            return moment.strftime("%H:%M:%S")
        if has_time or moment.time() != datetime.min.time():
            return moment.isoformat(sep=" ")
        return date.isoformat(moment)


def _plain_number(number: float) -> str:
    """A number as it was typed: 0.1 instead of 0.10000000000000001, 1000000 instead of 1.0E6."""
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def _duration(days: float) -> str:
    seconds = round(abs(days) * 86_400)
    sign = "-" if days < 0 else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
