"""Days, however they are written: 2026-03-04, 4 March 2026, 4. März 2026, 2026年3月4日."""

from __future__ import annotations

import re
from typing import NamedTuple

from kb.text.scripts import value


class Mention(NamedTuple):
    """Where an identifier starts and ends in a text, and its terms.

    One that `is_alone` names the thing by itself; of another, the words in it count as well.
    """

    start: int
    end: int
    names: tuple[str, ...]
    is_alone: bool = True


_NAMES = (
    "january januar janvier enero gennaio janeiro januari января stycznia ocak jan",
    "february februar fevrier febrero febbraio fevereiro februari февраля lutego subat feb",
    "march marz mars marzo marco maart марта marca mart mar mrz",
    "april avril abril aprile апреля kwietnia nisan apr",
    "may mai mayo maggio maio mei maj мая maja mayis",
    "june juni juin junio giugno junho июня czerwca haziran jun",
    "july juli juillet julio luglio julho июля lipca temmuz jul",
    "august aout agosto augustus augusti августа sierpnia agustos aug",
    "september septembre septiembre setiembre settembre setembro сентября wrzesnia eylul sept sep",
    "october oktober octobre octubre ottobre outubro oktobar октября pazdziernika ekim oct okt",
    "november novembre noviembre novembro ноября listopada kasim nov",
    "december dezember decembre diciembre dicembre dezembro декабря grudnia aralik dec dez",
)
_MONTHS = {name: month for month, names in enumerate(_NAMES, start=1) for name in names.split()}
_ALSO_VERBS = frozenset(["may", "mar", "march"])
_HAN = "[\\d〇零一二三四五六七八九十]"
_WORD = r"(?P<name>[^\W\d_]{3,12})(?![^\W_])\.?"

# Each begins with a digit, and looks back only then: so the scan of a text is fast.
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>\d(?<![\w.]\d)\d{3})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d.]*\d)",
        r"(?P<d>\d(?<![\w./]\d)\d?)(?P<sign>[./])\s?(?P<m>\d{1,2})(?P=sign)\s?(?P<y>\d{4})"
        r"(?![\d.]*\d)",
        r"(?P<d>\d(?<!\d\d)\d?)(?:st|nd|rd|th|er|\.)?[ -](?:of |the |de |den )?"
        rf"{_WORD}(?:,?[ -](?:de |del )?(?P<y>\d{{4}})(?!\d))?",
        r"(?P<d>\d(?<=[ -]\d)\d?)(?:st|nd|rd|th)?(?![\d:.]*\d)(?:,? (?P<y>\d{4})(?!\d))?",
    )
)
_EAST_ASIAN = re.compile(
    rf"(?:(?P<y>{_HAN}{{4}}) ?[年년] ?)?"
    rf"(?P<m>{_HAN}{{1,3}}) ?[月월] ?(?P<d>{_HAN}{{1,3}}) ?[日号일]"
)
_NAME_BEFORE = re.compile(r"([^\W\d_]{3,12})\.?[ -](?:the )?$")


def days(text: str) -> list[Mention]:
    """(start, end, terms) of each day that a folded text names, in order.

    The terms are the day (2026-03-04) and the day of any year (03-04); where no year is written,
    0000-03-04 and 03-04.
    """
    forms = (*_FORMS, _EAST_ASIAN) if "月" in text or "월" in text else _FORMS
    matches = (match for form in forms for match in form.finditer(text))
    found = [day for match in matches if (day := _day(match))]
    return sorted(found)


def _day(match: re.Match[str]) -> Mention | None:
    parts = match.groupdict()
    start, name = match.start(), parts.get("name")
    if "m" not in parts and name is None:
        before = _NAME_BEFORE.search(match.string, max(0, start - 20), start)
        if before is None:
            return None
        start, name = before.start(), before[1]
    year = value(parts.get("y") or "0")
    if name in _ALSO_VERBS and not year:
        return None
    month = value(parts["m"]) if name is None else _MONTHS.get(name.casefold(), 0)
    day = value(parts["d"])
    if parts.get("sign") == "/" and month <= 12:
        if day <= 12 and day != month:
            return None  # who knows which of both is the month
    elif parts.get("sign") == "/":
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    names = (f"{year:04}-{month:02}-{day:02}", f"{month:02}-{day:02}")
    return Mention(start, match.end(), names)
