"""Identifiers: codes, releases, numbers, days, telephone numbers, each as one term however spelled.

AB-1234, AB1234 and AB 1234 are ab1234; 1,234.50 and 1.234,50 are 1234.5; v3.1.2 is 3.1.2; a day is
2026-03-04; a telephone number is its digits without those of the country. Another identifier of the
same shape is another thing: what stands under release 2.4.1 says nothing about release 2.4.10.
"""

from __future__ import annotations

import re
from itertools import chain

from kb.text.dates import Mention, days

# Each looks back only after its first character: so the scan of a text is fast.
_IBAN = re.compile(
    r"[A-Z](?<![^\W_][A-Z])[A-Z]\d\d(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?(?![^\W_])"
)
_PARTED_DIGITS = re.compile(
    r"[+(\d](?<![\w.,+(-][+(\d])(?:(?<=\+) ?\(?)?\d{0,5}\)?(?:[ ./-]{1,3}\(?\d{1,8}\)?){1,6}"
    r"(?!\w|[.,]\d)"
)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_GROUPED = re.compile(r"\d{1,3}(?: \d{3})+")
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d\W+(?:1[5-9]|20)?\d\d")
_DOMESTIC = re.compile(r"\(0\)")
_COUNTRY = re.compile(
    r"[17]|2[1-69]\d|3[578]\d|42\d|50\d|59\d|6[789]\d|80\d|8[578]\d|9[679]\d|\d\d"
)
"""Country codes have one, two or three digits: ITU-T E.164."""
LEAST_DIGITS, MOST_DIGITS = 7, 15

_VERSION_MARK = re.compile(r"[vV](?=\d)")
_HEXADECIMAL = re.compile(r"0[xX](?=[\dA-Fa-f]{4,}$)")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?:'\d{3})+")
_DECIMAL = re.compile(
    r"([1-9]\d{0,2}(?:[,']\d{3})+)\.(\d+)|([1-9]\d{0,2}(?:[.']\d{3})+),(\d+)|(\d+)[.,](\d+)"
)
_LONG_NUMBER = 5
"""Digits from which on a number names one thing: shorter ones are counts and years."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[-_.^]+(?=\d)")
_KEPT = {".": "\0", "^": "\2"}
_SIGNS = str.maketrans("\0\1\2", ".-^")
_PLURAL = re.compile(r"(?<=[A-Z]\d)s$|(?<=[A-Z]\d\d)s$|(?<=[A-Z]\d\d\d)s$")
_JOINT = re.compile(r"[._'’,^-]+")
_COUNT = re.compile(r"\d+(?:st|nd|rd|th|s)|\d{1,2}(?:am|pm)|\d{1,3}[dDkK]|\d[gGx]", re.IGNORECASE)
_UNITS = (
    "mg g kg t ug μg μm ml cl l mm cm dm m km m2 m3 cm2 cm3 km2 v kv mv w kw mw gw kwh mwh wh ma "
    "mah hz khz mhz ghz kb mb gb tb kbit mbit gbit px dpi bar mbar pa kpa mpa hpa psi nm n kn j kj "
    "kcal c f k lm lx db rpm ft lb lbs oz gal mph kmh"
)
UNITS = frozenset(_UNITS.split())
"""Units of measure. Days, hours, money and persons are not among them: a question that gives such
an amount mostly asks about a rule for any ("after 3 hours", "for 2 persons")."""

_RELEASE = frozenset(["version", "release", "releas", "ver", "v", "rel"])
_DIGITS = re.compile(r"\d+")
_DOTTED = re.compile(r"\d+(?:\.\d+)+")


def spaced(text: str) -> list[Mention]:
    """(start, end, terms) of the identifiers of a folded text that blanks or signs may part: days,
    telephone and other long numbers, IBANs."""
    found = days(text)
    for match in chain(_IBAN.finditer(text), _PARTED_DIGITS.finditer(text)):
        start, end = match.span()
        whole = _whole(match[0])
        if whole and all(end <= other.start or other.end <= start for other in found):
            found.append(Mention(start, end, (whole,)))
    return found


def _whole(written: str) -> str:
    if written[0].isalpha():
        return _NOT_ALPHANUMERIC.sub("", written).casefold()
    digits = _NOT_ALPHANUMERIC.sub("", _DOMESTIC.sub("", written))
    if _GROUPED.fullmatch(written):
        return digits
    if _YEARS.fullmatch(written):
        return ""
    if not LEAST_DIGITS <= len(digits) <= MOST_DIGITS or _DOTTED.fullmatch(written):
        return ""
    return _national("+" + digits if written[0] == "+" else digits)


def _national(digits: str) -> str:
    """The digits of a telephone number, or any other, without a country's and leading zeros."""
    if digits.startswith(("+", "00")):
        digits = digits.lstrip("+0")
        country = _COUNTRY.match(digits)
        digits = digits[country.end() :] if country else digits
    return digits.lstrip("0") or "0"


def number(word: str) -> tuple[str, ...]:
    """The terms of a number as it is written, its value first; empty if it is several."""
    if word.isdecimal():
        return (_national(word) if len(word) >= LEAST_DIGITS else word,)
    if _THOUSANDS.fullmatch(word):
        value = re.sub(r"\D", "", word)
        return (value, word) if word.count(".") == 1 else (value,)
    if match := _DECIMAL.fullmatch(word):
        whole, rest = (group for group in match.groups() if group is not None)
        whole = re.sub(r"\D", "", whole)
        plain, short = f"{whole}.{rest}", f"{whole}.{rest.rstrip('0')}".rstrip(".")
        return (short,) if len(whole) > 2 else tuple(dict.fromkeys((plain, short)))
    return (word,) if _DOTTED.fullmatch(word) else ()


def value_of(written: str) -> str:
    """A number as its value, and what is none as it is written."""
    return (number(written) or (written,))[0]


def code(word: str) -> str:
    """The term of a word of letters and digits: without what joins them, except between digits."""
    word = _HEXADECIMAL.sub("", _VERSION_MARK.sub("", word) if "." in word else word)
    kept = _BETWEEN_DIGITS.sub(lambda joint: _KEPT.get(joint[0][0], "\1"), word)
    return _PLURAL.sub("", _JOINT.sub("", kept)).translate(_SIGNS).casefold()


def is_count(word: str) -> bool:
    """Whether a word with a digit is an ordinal, a decade or a time of day: 4th, 1990s, 10pm."""
    return _COUNT.fullmatch(word) is not None


def names_one_thing(word: str) -> bool:
    """Whether a word with a digit is an identifier by itself, without the word before it."""
    letters = _DIGITS.sub("", word)
    if not any(map(str.isalpha, letters)):
        digits = len(word) - len(letters)
        return word.count(".") > 1 or (digits >= _LONG_NUMBER and "-" not in word)
    is_joined = _JOINT.search(word) is not None
    return letters.casefold() in UNITS or letters != letters.lower() or not is_joined


def is_measure(word: str) -> bool:
    """Whether a word is a unit of measure."""
    return word == "A" or word.casefold() in UNITS


def is_release(name: str) -> bool:
    """Whether what follows is a release, which is a release by any of these names."""
    return name.casefold() in _RELEASE


def named(name: str, written: str) -> str:
    """The term of a numbered thing: Room 12, release 7."""
    return "v" + value_of(written) if is_release(name) else code(name + value_of(written))
