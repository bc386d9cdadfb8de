"""Files that are made to hurt: each is refused by name, or read in time that its size says."""

from __future__ import annotations

import io
import json

import pytest

from kb.errors import Rejected
from tune.checking.personal import personal_data_in, secrets_in
from tune.rows import containers
from tune.rows.forms import read

TURNS = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
GOOD = json.dumps({"messages": TURNS})
DEEP = "[" * 900 + "]" * 900


def with_field(field: str) -> str:
    return f"{GOOD[:-1]}, {field}}}"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (GOOD.replace("Why?", "\\ud800"), "surrogates not allowed"),
        (with_field('"label": "\\ud800"'), "surrogates not allowed"),
        (with_field(f'"tools": [{{"a": {DEEP}}}]'), "nested deeper"),
        (with_field(f'"tools": "{"[" * 9_000}"'), "recursion"),
    ],
)
def test_what_could_not_be_stored_or_shown_is_a_row_that_cannot_be_read(line: str, why: str):
    rows, found = read(f"{GOOD}\n{line}\n".encode(), "rows.jsonl")
    assert len(rows) == 1
    assert [each.code for each in found] == ["unreadable_row"]
    assert why in found[0].detail


def test_reasons_are_short_and_few_however_many_rows_are_broken():
    lines = [with_field(f'"split": "{n}{"x" * 5_000}"') for n in range(100)]
    _, found = read("\n".join([GOOD, *lines]).encode(), "rows.jsonl")
    assert sum(each.count for each in found) == 100
    assert sum(len(each.detail) for each in found) < 4_000


def test_parquet_that_unpacks_to_far_more_is_refused(monkeypatch: pytest.MonkeyPatch):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra tune is not installed")
    from pyarrow import parquet

    monkeypatch.setattr(containers, "MOST_UNPACKED_BYTES", 10 << 20)
    column = pyarrow.array(["x" * 10_000] * 2_000)
    target = io.BytesIO()
    parquet.write_table(pyarrow.table({"question": column, "answer": column}), target)
    assert len(target.getvalue()) < 1 << 20
    with pytest.raises(Rejected, match="unpacks"):
        read(target.getvalue(), "rows.parquet")


@pytest.mark.parametrize("text", ["a." * 200_000, "eyJ" + "a-eyJaaaaaaaaaa" * 20_000])
def test_a_text_without_blanks_is_looked_through_at_once_and_not_for_minutes(text: str):
    assert list(personal_data_in(text)) == list(secrets_in(text)) == []
