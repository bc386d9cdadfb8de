"""Days, however they are written: 2026-03-04, 4 March 2026, 4. März 2026, 2026年3月4日."""

from __future__ import annotations

import re

from kb.text.numerals import value

Mention = tuple[int, int, tuple[str, ...]]
"""Where an identifier starts and ends in a text, and its terms."""

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

_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?<![\w.])(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d.]*\d)",
        r"(?<![\w.])(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})(?![\d.]*\d)",
        r"(?<![\d/])(?P<d>1[3-9]|2\d|3[01])/(?P<m>\d{1,2})/(?P<y>\d{4})(?!\d)",
        r"(?<![\d/])(?P<m>\d{1,2})/(?P<d>1[3-9]|2\d|3[01])/(?P<y>\d{4})(?!\d)",
        r"(?<!\d)(?P<d>\d{1,2})(?:st|nd|rd|th|er|\.)?[ -](?:of |the |de |den )?"
        rf"{_WORD}(?:,?[ -](?:de |del )?(?P<y>\d{{4}})(?!\d))?",
        r"(?<=[ -])(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:.]*\d)(?:,? (?P<y>\d{4})(?!\d))?",
        rf"(?:(?P<y>{_HAN}{{4}}) ?[年년] ?)?"
        rf"(?P<m>{_HAN}{{1,3}}) ?[月월] ?(?P<d>{_HAN}{{1,3}}) ?[日号일]",
    )
)
_NAME_BEFORE = re.compile(r"([^\W\d_]{3,12})\.?[ -](?:the )?$")
_MAY_HOLD = re.compile(r"\d|[月월]")


def days(text: str) -> list[Mention]:
    """(start, end, terms) of each day that a folded text names, in order.

    The terms are the day (2026-03-04) and the day of any year (03-04); where no year is written,
    0000-03-04 and 03-04.
    """
    if not _MAY_HOLD.search(text):
        return []
    found = []
    for form in _FORMS:
        for match in form.finditer(text):
            if day := _day(match):
                found.append(day)
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
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return start, match.end(), (f"{year:04}-{month:02}-{day:02}", f"{month:02}-{day:02}")
