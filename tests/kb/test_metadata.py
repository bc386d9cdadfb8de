import json

import pytest

from kb.errors import Rejected
from kb.metadata import parsed_metadata


def test_a_flat_object_is_taken_as_it_is():
    value = {"year": 2024, "share": 0.5, "final": True, "作者": "罗贯中", "a.b": ""}
    assert parsed_metadata(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "JSON object"),
        ('{"a": null}', r"metadata\.a"),
        ('{"a": [1]}', r"metadata\.a"),
        ('{"a": {"b": 1}}', r"metadata\.a"),
        ('{"a": NaN}', "finite"),
        ('{"a": 1e999}', "finite"),
        ('{"a": 9007199254740993}', "beyond"),
        ('{"": 1}', "field name"),
        ('{"a\\u0000": 1}', "field name"),
        ('{"a": "\\ud800"}', "surrogate"),
        (json.dumps({"k" * 65: 1}), "field name"),
        (json.dumps({"a": "x" * 1001}), "longer than 1000"),
        (json.dumps({f"k{n}": n for n in range(51)}), "more than 50"),
    ],
)
def test_anything_else_is_refused_by_name(text, says):
    with pytest.raises(Rejected, match=says):
        parsed_metadata(text)
