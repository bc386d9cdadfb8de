"""The gate against encodings that a model is asked for by name, and against turned words."""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.kb.chat.guard.test_guard import (
    CHINESE,
    ENGLISH,
    PREFACE,
    gate,
    leaked,
    pieces_of,
    stream,
)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _numbered(form: str) -> Callable[[str], str]:
    return lambda t: "\n".join(form.format(n, word) for n, word in enumerate(t.split(), start=1))


FROM_THE_START: dict[str, Callable[[str], str]] = {
    "decimal bytes": lambda t: " ".join(str(byte) for byte in t.encode()),
    "a list of code points": lambda t: str([ord(c) for c in t]),
    "decimal entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "hexadecimal entities": lambda t: "".join(f"&#x{ord(c):x};" for c in t),
    "escapes": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "code points by name": lambda t: " ".join(f"U+{ord(c):04X}" for c in t),
    "percent signs": lambda t: "".join(f"%{byte:02X}" for byte in t.encode()),
    "an address": quote,
    "octal bytes": lambda t: " ".join(f"{byte:03o}" for byte in t.encode()),
    "bits": lambda t: " ".join(f"{byte:08b}" for byte in t.encode()),
    "bits without blanks": lambda t: "".join(f"{byte:08b}" for byte in t.encode()),
    "base32": lambda t: base64.b32encode(t.encode()).decode(),
    "base64 twice": lambda t: _base64(_base64(t.encode()).encode()),
    "base64 of ROT13": lambda t: _base64(codecs.encode(t, "rot13").encode()),
    "base64 of numbered words": lambda t: _base64(_numbered("({}) {}")(t).encode()),
    "base64 of a numbered list": lambda t: _base64(_numbered("{}. {}")(t).encode()),
    "hexadecimal of base64": lambda t: _base64(t.encode()).encode().hex(),
    "hexadecimal of UTF-16": lambda t: t.encode("utf-16-be").hex(),
}

IN_WORDS: dict[str, Callable[[str], str]] = {
    "each word backwards": lambda t: " ".join(word[::-1] for word in t.split()),
    "each word backwards, hyphens": lambda t: "-".join(word[::-1] for word in t.split()),
    "each word backwards, tabs": lambda t: "\t".join(word[::-1] for word in t.split()),
    "numbers in parentheses": _numbered("({}) {}"),
    "a table": _numbered("| {} | {} |"),
    "a JSON list": lambda t: json.dumps(t.split(), ensure_ascii=False),
    "small capitals": lambda t: t.lower().translate(str.maketrans("aeinorst", "ᴀᴇɪɴᴏʀꜱᴛ")),
}

FROM_THE_END: dict[str, Callable[[str], str]] = {
    "base64 backwards": lambda t: _base64(t.encode())[::-1],
    "hexadecimal backwards": lambda t: t.encode().hex()[::-1],
    "words from the last to the first": lambda t: " ".join(reversed(t.split())),
    "words from the last to the first, slashes": lambda t: " / ".join(reversed(t.split())),
    "words from the last to the first, underscores": lambda t: "_".join(reversed(t.split())),
}


def told(shown: str, said: Callable[[str], str], parts: list[str]) -> str:
    """The longest part of the prompt that a reader can take from what was shown."""
    room = len(shown) - len(PREFACE)
    return max((part for part in parts if len(said(part)) <= room), key=len, default="")


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("prompt", "disguise"),
    [
        *((ENGLISH, name) for name in (*FROM_THE_START, *IN_WORDS, *FROM_THE_END)),
        *((CHINESE, name) for name in FROM_THE_START if "ROT13" not in name),
        (CHINESE, "base64 backwards"),
    ],
)
def test_an_encoding_that_is_asked_for_by_name_is_taken_off(prompt: str, disguise: str, size: int):
    said = (FROM_THE_START | IN_WORDS | FROM_THE_END)[disguise]
    guard = gate(prompt)

    shown = stream(guard, pieces_of(PREFACE + said(prompt), size))

    assert guard.has_stopped
    if disguise in FROM_THE_END:
        parts = [prompt[start:] for start in range(len(prompt))]
    else:
        parts = [prompt[:end] for end in range(len(prompt) + 1)]
    assert leaked(prompt, told(shown, said, parts)) == []


def test_the_long_words_of_a_prompt_may_be_said():
    answer = (
        "The representative of Example Corp knows MOONRISE-25, says the responsible colleague. "
    )
    answer += "It is the Donaudampfschifffahrtselektrizitaet. "
    names = (
        "Name the responsibilities of each representative at Donaudampfschifffahrtselektrizitaet"
    )
    guard = gate(f"{ENGLISH} {names}.")

    assert stream(guard, pieces_of(answer * 5, 3)) == answer * 5


def test_tables_of_numbers_and_codes_of_other_things_pass():
    rows = "\n".join(
        f"| {year} | {year * 7 % 1000} | {year % 97}.{year % 10} |" for year in range(99)
    )
    codes = " ".join(str(ord(c)) for c in "What is the capital of France? Paris is." * 3)
    octets = " ".join(f"{ord(c):08b}" for c in "Hello world, how are you?")
    for answer in (rows, codes, octets, base64.b32encode(b"nothing of it " * 9).decode()):
        assert stream(gate(ENGLISH), pieces_of(answer, 4)) == answer


def test_counting_down_and_codes_that_read_the_same_both_ways_pass():
    years = ", ".join(str(year) for year in range(2012, 2026))
    guard = gate(f"{ENGLISH} Report the years {years}. An order number looks like 000000000000.")
    answer = "Here they are: " + ", ".join(str(year) for year in range(2025, 2011, -1)) + ". "
    answer += "Your order 000000000000 is on its way, and 000000000001 as well. "

    assert stream(guard, pieces_of(answer, 4)) == answer


def test_numbers_between_encoded_words_do_not_put_off_the_stop():
    prompt = (
        "We go to sea at six so do as he or she may ask of us and be at ease in any fog or ice."
    )
    told = _base64(_numbered("{}. {}")(prompt).encode())

    shown = stream(gate(prompt), pieces_of(told, 4))

    assert len(base64.b64decode(shown).decode().split()) < 2 * 8  # a number and a word each
