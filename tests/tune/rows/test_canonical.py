"""The form that rows are kept in: exact, and wide enough for OpenAI's files as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tune.rows.making_rows import SLOW, any_rows
from tune.rows.canonical import bytes_of, read_rows, rows_of, write_rows
from tune.types import TrainingRow, TrainingTurn


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(st.lists(any_rows, max_size=4))
def test_rows_come_back_as_they_were_written(rows: list[TrainingRow]):
    assert list(rows_of(bytes_of(rows))) == rows


def test_a_row_is_one_line_without_what_is_as_usual(tmp_path: Path):
    row = TrainingRow((TrainingTurn("user", "问\u2028?"), TrainingTurn("assistant", "答", 0)))

    write_rows([row], tmp_path / "rows.jsonl")

    assert (tmp_path / "rows.jsonl").read_text(encoding="utf-8") == (
        '{"messages": [{"role": "user", "content": "问\u2028?"}, '
        '{"role": "assistant", "content": "答", "weight": 0}]}\n'
    )
    assert read_rows(tmp_path / "rows.jsonl") == [row]


def test_a_file_of_openais_with_a_mark_and_other_fields_is_read():
    data = b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "a", "name": "Ann"}], "seed": 1}'

    assert list(rows_of(data)) == [TrainingRow((TrainingTurn("user", "a"),))]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "a row is an object"),
        ("{", "Line 2"),
        ('{"messages": []}', "messages: .* at least 1"),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "messages.0.role: "),
        ('{"messages": [{"role": "user", "content": 3}]}', "messages.0.content: .* valid string"),
        ('{"messages": [{"role": "user", "content": "a", "weight": 2}]}', "weight: .* 0 or 1"),
        ('{"messages": [{"role": "user", "content": "a"}], "split": "dev"}', "split: .*'train'"),
        ('{"messages": [{"role": "user", "content": "a"}], "tools": [1]}', "tools.0: "),
    ],
)
def test_a_line_that_is_no_row_is_named(line: str, said: str):
    good = '{"messages": [{"role": "user", "content": "a"}]}'

    with pytest.raises(ValueError, match=said) as failure:
        list(rows_of(f"{good}\n{line}\n".encode()))

    assert str(failure.value).startswith("Line 2: ")
