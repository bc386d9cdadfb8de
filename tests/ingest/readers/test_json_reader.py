"""JSON: every value with its path, or the place where it is broken."""

from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.readers.plain.json_records import read_json_lines
from ingest.sniff.media_types import JSON
from ingest.types import ReadOptions
from kb.errors import UnreadableFile


def _blocks(extraction):
    text = extraction.pages[0].text
    return [(b.kind, b.level, text[b.start : b.end]) for b in extraction.blocks]


def _read(source):
    return READERS[JSON](BytesIO(source.encode()), ReadOptions())


def test_flat_objects_are_rows_and_numbers_stay_as_written():
    assert _blocks(_read('[{"a": 1.10, "b": "x"}, {"a": 1e400, "b": null, "c": true}]')) == [
        ("table", 0, "a: 1.10 | b: x"),
        ("table", 0, "a: 1e400 | c: true"),
    ]


def test_deep_values_have_dotted_paths_and_repeated_keys_are_all_kept():
    source = '{"a": {"b": [{"c": 1}, {"c": 2}]}, "tags": ["x", "y"], "a": {"b": 3}}'

    assert _blocks(_read(source)) == [("list", 0, "a.b[0].c: 1\na.b[1].c: 2\ntags: x, y\na.b: 3")]


def test_long_members_of_the_only_object_are_sections():
    rows = ", ".join(f'{{"id": {number}, "name": "n"}}' for number in range(7))

    assert _blocks(_read(f'{{"users": [{rows}], "version": 3}}'))[:3] == [
        ("table", 0, "version: 3"),
        ("heading", 1, "users"),
        ("table", 0, "id: 0 | name: n"),
    ]


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [("[1, 2", 1, 6), ('{"a":\n  tru}', 2, 3), ('[{"a": 1}\n {"a": 2}]', 2, 2), ("{'a': 1}", 1, 2)],
)
def test_what_is_broken_is_named_by_line_and_column(source, line, column):
    with pytest.raises(UnreadableFile, match=f"line {line}, column {column}") as refused:
        _read(source)
    assert refused.value.code == "damaged_file"


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_nesting_without_end_is_refused(opening):
    with pytest.raises(UnreadableFile, match="too deeply"):
        _read(opening * 100_000)


def test_a_broken_line_among_good_ones_is_kept_and_reported():
    source = b'{"a": 1}\n\n{"a": \n{"a": 2}\n'

    extraction = read_json_lines(BytesIO(source), ReadOptions())

    assert [text for _, _, text in _blocks(extraction)] == ["a: 1", '{"a":', "a: 2"]
    assert extraction.warnings == ("Lines 3 are not valid JSON and were kept as they stand.",)


def test_lines_that_are_mostly_broken_are_an_error():
    with pytest.raises(UnreadableFile, match="line 2, column 1"):
        read_json_lines(BytesIO(b'{"a": 1}\nnot\njson\n'), ReadOptions())


def test_values_over_several_lines_are_read_under_either_name():
    source = b'{\n"a": 1}\n{\n"a": 2}\n'

    assert _blocks(read_json_lines(BytesIO(source), ReadOptions())) == _blocks(
        READERS[JSON](BytesIO(source), ReadOptions())
    )


def test_comments_and_commas_at_the_end_are_no_damage():
    found = _read('{\n  // the door\n  "port": 8443, /* open */\n  "url": "http://a/*x*/",\n}\n')

    assert found.pages[0].text == "port: 8443 | url: http://a/*x*/"
    assert found.warnings == ("Characters of comments left out: 21.",)


def test_what_is_no_json_even_without_comments_names_its_own_line():
    with pytest.raises(UnreadableFile, match="line 3, column"):
        _read('{\n  // the door\n  "port": 8443 8444,\n}\n')
