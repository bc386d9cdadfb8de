"""What only looks like an encoded or turned prompt passes the gate."""

from __future__ import annotations

import base64

from tests.kb.chat.guard.test_guard import ENGLISH, gate, pieces_of, stream


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
    numbered = "\n".join(f"{n}. {word}" for n, word in enumerate(prompt.split(), start=1))
    told = base64.b64encode(numbered.encode()).decode()

    shown = stream(gate(prompt), pieces_of(told, 4))

    assert len(base64.b64decode(shown).decode().split()) < 2 * 8  # a number and a word each
