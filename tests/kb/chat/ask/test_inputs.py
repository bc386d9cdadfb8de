"""Inputs of an app: what fits its type goes to the prompt as text, all else is named."""

from __future__ import annotations

import pytest

from kb.chat.ask.inputs import checked_inputs
from kb.errors import Rejected
from kb.types import AppContent, InputVariable

CONTENT = AppContent(
    inputs=(
        InputVariable("who", required=True),
        InputVariable("notes", type="paragraph", max_length=10),
        InputVariable("age", required=True, type="number", default="18"),
        InputVariable("team", type="select", options=("Sales", "Legal")),
        InputVariable("formal", type="boolean", default="false"),
    )
)


def test_values_become_text_and_what_is_not_sent_takes_its_default():
    given = {"who": "Ada", "age": 0.5, "formal": True, "team": "Legal"}
    expected = {"who": "Ada", "notes": "", "age": "0.5", "team": "Legal", "formal": "true"}
    assert checked_inputs(CONTENT, given) == expected
    assert checked_inputs(CONTENT, {"who": "Ada"})["age"] == "18"
    assert checked_inputs(CONTENT, {"who": "Ada", "age": ""})["age"] == "18"


@pytest.mark.parametrize(("value", "written"), [(3, "3"), (" -1e3 ", "-1e3"), ("0.25", "0.25")])
def test_a_number_may_come_as_a_number_or_as_text(value, written):
    assert checked_inputs(CONTENT, {"who": "x", "age": value})["age"] == written


@pytest.mark.parametrize(("value", "written"), [(False, "false"), ("Yes", "true"), ("0", "false")])
def test_a_boolean_may_come_as_text(value, written):
    assert checked_inputs(CONTENT, {"who": "x", "formal": value})["formal"] == written


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "x" * 1001),
        ("notes", "x" * 11),
        ("age", "twelve"),
        ("age", "nan"),
        ("age", float("inf")),
        ("age", "1_000"),
        ("age", "9" * 400),
        ("team", "sales"),
        ("team", True),
        ("formal", "perhaps"),
        ("formal", 2),
        ("whom", "Ada"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_its_input(name, value):
    with pytest.raises(Rejected, match=f"'{name}'"):
        checked_inputs(CONTENT, {"who": "Ada", name: value})


@pytest.mark.parametrize("given", [{}, {"who": ""}, {"who": "  "}])
def test_a_required_input_that_is_missing_or_blank_is_named(given):
    with pytest.raises(Rejected, match="who"):
        checked_inputs(CONTENT, given)


def test_an_app_without_inputs_takes_none():
    assert checked_inputs(AppContent(), {}) == {}
    with pytest.raises(Rejected, match="It has none"):
        checked_inputs(AppContent(), {"who": "Ada"})
