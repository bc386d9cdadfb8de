"""What OpenAI's old command did: copies, blanks, and endings that stand in no row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import Rejected
from tests.tune.making import row
from tests.tune.rows.making_rows import SLOW
from tune.rows.forms import SEPARATORS, STOPS, read, write
from tune.rows.preparing import prepare


def test_copies_blanks_and_empty_rows_go_and_it_is_said():
    prepared = prepare([row(" a\n", "\nb"), row("a", "b"), row("c", " "), row("d", "e")])

    assert [(each.prompt, each.answer) for each in prepared.rows] == [("a", "b"), ("d", "e")]
    assert prepared.done == (
        "2 rows lose blanks around their texts",
        "1 rows without a question or an answer are left out",
        "1 copies are left out",
    )
    assert (prepared.options.separator, prepared.options.stop) == (" ->", "\n")


ending = st.sampled_from([*SEPARATORS, *STOPS, "x", " "])


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(
    st.lists(st.tuples(*2 * [st.lists(ending, max_size=3).map("".join)]), min_size=1, max_size=5)
)
def test_the_endings_stand_in_no_row_and_come_off_again(pairs: list[tuple[str, str]]):
    try:
        prepared = prepare([row(*pair) for pair in pairs])
    except Rejected:
        return  # nothing is left, or every ending stands in a row
    options = prepared.options

    for each in prepared.rows:
        assert options.separator not in each.prompt + each.answer
        assert options.stop not in each.prompt + each.answer
    written = write(prepared.rows, "prompt-completion", options).files["train.jsonl"]
    assert read(written, "train.jsonl", options=options)[0] == prepared.rows


def test_rows_in_which_every_ending_stands_are_refused():
    with pytest.raises(Rejected, match="Choose one yourself"):
        prepare([row("".join(SEPARATORS) + "?", "a")])
