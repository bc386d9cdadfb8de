"""What a spreadsheet's cell shows: stored numbers by their formats, through xlfmt.

Whole dates are in ISO form, whatever the order of their parts, with the time as the format shows
it; the general format shows a number as it was typed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from xlfmt import format_value

from ingest.readers.office.xml_parts import Element

_EPOCH_1900 = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
_PHANTOM_DAY = 60
"""1900-02-29, which Lotus 1-2-3 believed in; days before it are off by one."""
_LAST_DAY = 2_958_466
_MILLISECONDS = 86_400_000
"""Of a day, to which moments are rounded."""
_LONGEST_CODE = 255
"""As Excel allows."""
GENERAL = "General"

# Formats that Office knows by number (ECMA-376 part 1, 18.8.30); 27 to 58 are East Asian dates.
_BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **{12: "# ?/?", 13: "# ??/??", 48: "##0.0E+0"},
    **{14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 22: "yyyy-mm-dd h:mm"},
    **{18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 45: "mm:ss", 47: "mm:ss.0"},
    **dict.fromkeys((21, *range(32, 36)), "h:mm:ss"),
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((37, 38, 41, 42), "#,##0;(#,##0)"),
    **dict.fromkeys((39, 40, 43, 44), "#,##0.00;(#,##0.00)"),
    46: "[h]:mm:ss",
}
_COMMON = re.compile(r"(#,##)?0(?:\.(0{1,6}))?")
_EXACT = 1e15
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[[hms]+\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_TIME = re.compile(
    r"h+|(?<=h)[^a-z]*m{1,2}|m{1,2}(?=[^a-z]*s)|s+(?:[.,]0+)?|am/pm|a/p"  # the parts of a time
)
_DOT = re.compile(r"(?<=[dmy])\.(?=[dmy\s]|$)")
"""Between the parts of a date, where xlfmt leaves it out."""
_MINUTES = re.compile(r"(?<=h)([^a-z]*)m{1,2}|m{1,2}(?=[^a-z]*s)|am/pm|a/p")


@lru_cache(maxsize=1024)
def _kind(code: str) -> str:
    """What a format makes of a number: `general`, `duration`, `date`, `time`, `date time`, or
    `shown`, which is what the program shows."""
    first = _LITERAL.sub("", code.split(";")[0].lower())
    if _ELAPSED.search(first):
        return "duration"
    plain = _BRACKETS.sub("", first)
    if code in (GENERAL, "@", "") or re.search(r"[0#?@]|general", plain):
        return "general" if code in (GENERAL, "@", "") else "shown"
    days = _MINUTES.sub("", plain)
    has_time = re.search("[hs]", plain) is not None
    if "d" in days and "m" in days:
        return "date time" if has_time else "date"
    return "time" if has_time and not re.search("[dmy]", days) else "shown"


_LANGUAGE = re.compile(
    r"\[\$[^\]-]*-(?:[0-9a-f]{0,6}([0-9a-f]{2})|([a-z]{2})-\w+)\]", re.IGNORECASE
)
"""The language of a format, by its name or by the last two digits of its number (MS-LCID)."""
_MONTH = re.compile(r'"[^"]*"|\\.|(?<!m)m{4}(?!m)', re.IGNORECASE)
_MONTHS = {
    names: months.split()
    for names, months in {
        ("07", "de"): "Januar Februar März April Mai Juni Juli August September Oktober November "
        "Dezember",
        ("0a", "es"): "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
        "noviembre diciembre",
        ("0c", "fr"): "janvier février mars avril mai juin juillet août septembre octobre novembre "
        "décembre",
        ("10", "it"): "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre "
        "novembre dicembre",
        ("13", "nl"): "januari februari maart april mei juni juli augustus september oktober "
        "november december",
        ("16", "pt"): "janeiro fevereiro março abril maio junho julho agosto setembro outubro "
        "novembro dezembro",
    }.items()
}
"""Full names of months; those of other languages stay in English, in which xlfmt writes them."""


def _month_named(code: str, day: datetime) -> str:
    """A format in which the name of the month stands in the format's own language."""
    language = _LANGUAGE.search(code)
    key = (language[1] or language[2]).lower() if language else ""
    months = next((months for names, months in _MONTHS.items() if key in names), None)
    if months is None:
        return code
    return _MONTH.sub(
        lambda found: f'"{months[day.month - 1]}"' if found[0][0] in "mM" else found[0],
        _LANGUAGE.sub("", code),
    )


@lru_cache(maxsize=1024)
def _time_code(code: str) -> str:
    """What a format says of the time, without the date before or behind it."""
    section = code.split(";")[0]
    masked = section.lower()
    for hidden in (_LITERAL, _BRACKETS):
        masked = hidden.sub(lambda match: "\0" * len(match[0]), masked)
    parts = [match.span() for match in _TIME.finditer(masked)]
    return section[parts[0][0] : parts[-1][1]]


def style_codes(styles: Element | None) -> dict[str, str]:
    """The codes of the number formats of a workbook, by the style numbers of cells."""
    entries = styles.iterfind("{*}numFmts/{*}numFmt") if styles is not None else ()
    own = {entry.get("numFmtId", ""): entry.get("formatCode", "") for entry in entries}
    codes: dict[str, str] = {}
    for style in styles.iterfind("{*}cellXfs/{*}xf") if styles is not None else ():
        number = style.get("numFmtId", "0")
        built_in = _BUILT_IN.get(int(number), GENERAL) if number.isdecimal() else GENERAL
        codes[str(len(codes))] = own.get(number, built_in)
    return codes


class Formats:
    """The number formats of a workbook, by the styles of its cells."""

    def __init__(self, codes: Mapping[str, str], *, from_1904: bool) -> None:
        """`codes`: the code of each style that does not have the general one."""
        self._epoch = _EPOCH_1904 if from_1904 else _EPOCH_1900
        self._from_1904 = from_1904
        self._codes = {style: code[:_LONGEST_CODE] for style, code in codes.items()}

    def shown(self, value: str, style: str) -> str:
        """A stored number as the program shows it; a whole date in ISO form."""
        try:
            number = float(value)
        except ValueError:
            return value
        code = self._code(style)
        kind = _kind(code)
        if not math.isfinite(number):
            return value
        if kind in ("time", "duration") and abs(number) < _LAST_DAY:
            sign, moment = "-" if number < 0 else "", round(abs(number) * _MILLISECONDS)
            return sign + _shown(moment / _MILLISECONDS, code, self._from_1904)
        if kind in ("date", "date time") and 0 <= number < _LAST_DAY:
            return self._moment(number, code if kind == "date time" else "")
        if kind == "shown" and "mmmm" in code.lower() and 0 <= number < _LAST_DAY:
            code = _month_named(code, self._epoch + timedelta(number))
        return _shown(number, code, self._from_1904) if kind == "shown" else plain_number(number)

    def shown_text(self, text: str, style: str) -> str:
        """A stored text in the words that its format puts around it."""
        code = self._code(style)
        return str(format_value(text, code)) if "@" in code and code != "@" else text

    def shown_moment(self, moment: str, style: str) -> str:
        """A moment in ISO form as the program shows it."""
        try:
            number = (datetime.fromisoformat(moment) - self._epoch) / timedelta(days=1)
        except (ValueError, TypeError):
            return moment
        number -= not self._from_1904 and number <= _PHANTOM_DAY
        is_dated = self._code(style) != GENERAL
        return self.shown(repr(number), style) if is_dated else self._moment(number, "")

    def _code(self, style: str) -> str:
        return self._codes.get(style, GENERAL)

    def _moment(self, number: float, code: str) -> str:
        """A day, with its time as the code shows that."""
        if not self._from_1904 and number < _PHANTOM_DAY:
            number += 1
        days, milliseconds = divmod(round(number * _MILLISECONDS), _MILLISECONDS)
        day = (self._epoch + timedelta(days)).date().isoformat()
        if not code and not milliseconds:
            return day
        time = _time_code(code) if code else "hh:mm:ss"
        return f"{day} {_shown(milliseconds / _MILLISECONDS, time, self._from_1904)}"


@lru_cache(maxsize=65_536)
def _shown(number: float, code: str, from_1904: bool) -> str:
    common = _COMMON.fullmatch(code)
    if common is not None and abs(number) < _EXACT:  # 20 times as fast as by any code
        places = Decimal(1).scaleb(-len(common[2] or ""))
        rounded = Decimal(repr(number)).quantize(places, ROUND_HALF_UP) + 0
        return format(rounded, ",f" if common[1] else "f")
    try:
        text = " ".join(
            str(format_value(number, _DOT.sub(r"\.", code), date1904=from_1904)).split()
        )
    except (ArithmeticError, ValueError):  # larger than any cell can show
        return plain_number(number)
    return plain_number(number) if text.startswith("####") else " ".join(text.split())


def plain_number(number: float) -> str:
    """A number as it was typed: 0.1 instead of 0.10000000000000001, 1000000 instead of 1.0E6."""
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def duration(days: float) -> str:
    """Days as hours, minutes and seconds."""
    seconds = round(abs(days) * 86_400)
    sign = "-" if days < 0 else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
