"""Secrets and personal data in a text: a model repeats what it was trained on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "access key": re.compile(
        r"\b(?:sk-[\w-]{20,}|(?:AKIA|ASIA)[A-Z\d]{16}|LTAI[A-Za-z\d]{12,}|gh[pousr]_\w{36,}"
        r"|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{35}|hf_[A-Za-z\d]{30,})"
    ),
    "token": re.compile(r"\beyJ[\w-]{10,1000}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
}


def _is_card(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(n - 9 * (n > 9) for n in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _is_citizen(text: str) -> bool:
    weighted = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(text[:17]))
    return "10X98765432"[weighted % 11] == text[17].upper()


# Patterns begin with a bounded run: a megabyte without blanks takes no square of its length.
_ANY: Callable[[str], bool] = bool
_PASSWORD = re.compile(r"(?i)\b(?:password|passwd|api[_-]?key)\s*[:=]\s*[\"']?[^\s\"'<{]{8,}")
PERSONAL: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "password": (_PASSWORD, _ANY),
    "mail address": (re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"), _ANY),
    "card number": (re.compile(r"(?<![\d.])[3-6]\d(?:[ -]?\d){11,17}(?![\d.])"), _is_card),
    "IBAN": (re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?\b"), _is_iban),
    "citizen number": (re.compile(r"(?<!\d)[1-9]\d{16}[\dXx](?!\d)"), _is_citizen),
    "telephone number": (
        re.compile(
            r"(?<![\d.+])(?:\+\d{1,3}[ -]?(?:\(?\d{2,4}\)?[ -]?){2,4}\d{2}|1[3-9]\d{9})(?!\d)"
        ),
        _ANY,
    ),
}
"""Pattern, and the check digits that tell it from other numbers: Luhn (ISO/IEC 7812-1), modulo 97
(ISO 13616) and GB 11643."""


def secrets_in(text: str) -> Iterator[str]:
    """The kinds of secrets that stand in a text."""
    return (kind for kind, pattern in SECRETS.items() if pattern.search(text))


def personal_data_in(text: str) -> Iterator[str]:
    """The kinds of personal data that stand in a text."""
    for kind, (pattern, is_it) in PERSONAL.items():
        if any(is_it(re.sub(r"[ -]", "", match[0])) for match in pattern.finditer(text)):
            yield kind
