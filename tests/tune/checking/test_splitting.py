"""Splits go by groups, come out the same each time, and leak nothing."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tune.making import row
from tests.tune.rows.making_rows import SLOW
from tune.checking.likeness import near_pairs
from tune.checking.splitting import leaks, split
from tune.types import TrainingRow

questions = st.text("abcde ?", max_size=12)
rows_of_groups = st.lists(
    st.builds(
        lambda q, group: row(q, "a", group=group), questions, st.sampled_from(["", "x", "y"])
    ),
    max_size=20,
)


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(rows_of_groups, st.integers(0, 3))
def test_no_split_leaks_and_the_seed_decides(rows: list[TrainingRow], seed: int):
    made = split(rows, valid=0.2, test=0.2, seed=seed)

    assert not [finding for finding in leaks(made) if finding.blocks]
    assert made == split(rows, valid=0.2, test=0.2, seed=seed)
    assert [each.messages for each in made] == [each.messages for each in rows]


def test_the_shares_are_met_by_whole_groups():
    rows = [
        row(f"{group}{n} {group}", "a", group=group) for group in "abcdefghij" for n in range(10)
    ]

    made = split(rows, valid=0.2, test=0.1, seed=1)

    assert Counter(each.split for each in made) == {"train": 70, "valid": 20, "test": 10}
    assert all(
        len({each.split for each in made if each.group == name}) == 1 for name in "abcdefghij"
    )


def test_phrasings_of_one_question_stay_together():
    near = [row(f"How long is the notice period of interns{end}", "a") for end in ("?", "!", " ?")]
    rows = [
        *near,
        *(row(f"{word} {word}?", "a") for word in ["one", "two", "three", "four", "five"]),
    ]

    for seed in range(8):
        made = split(rows, valid=0.4, seed=seed)
        assert len({each.split for each in made[:3]}) == 1


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(st.lists(st.text("abc", min_size=3, max_size=9), max_size=12))
def test_the_index_finds_every_pair_that_comparing_all_finds(texts: list[str]):
    def likeness(one: str, other: str) -> float:
        a, b = ({text[i : i + 3] for i in range(len(text) - 2)} for text in (one, other))
        return len(a & b) / len(a | b)

    expected = {
        (i, j) for j in range(len(texts)) for i in range(j) if likeness(texts[i], texts[j]) >= 0.55
    }
    assert {(before, later) for before, later, _ in near_pairs(texts)} == expected


def test_most_copies_with_one_character_changed_or_added_are_found_and_nothing_else():
    choose = random.Random(7)
    characters = [chr(0x4E00 + number) for number in range(600)]
    asked = ["".join(choose.choices(characters, k=choose.randint(8, 16))) for _ in range(800)]
    places = [choose.randrange(len(text)) for text in asked[:200]]
    changed = [t[:n] + "吗" + t[n + 1 :] for t, n in zip(asked, places, strict=False)]
    added = [f"{text}吗" for text in asked[200:400]]

    found = near_pairs([*asked, *changed, *added])

    assert all(later == before + 800 for before, later, _ in found)
    assert len(found) > 0.75 * 400
