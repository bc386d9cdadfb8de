"""Two contents of an app side by side: only what differs, by the name of its field."""

from __future__ import annotations

from kb.apps.comparing import Side, differences
from kb.types import AppContent, InputVariable, PublishedDataset, Retrieval, Variant

STATE = PublishedDataset("ds_1", "handbook", 1, "minilm", "aa")


def test_equal_contents_have_no_differences():
    side = Side(AppContent(prompt="x", tuned=Variant("t")), [STATE])
    assert differences(side, side) == []


def test_a_field_is_named_by_its_path_and_a_prompt_comes_with_its_diff():
    old = AppContent(prompt="Be brief.\nBe kind.", base=Variant("a", retrieval=Retrieval(top_k=3)))
    new = AppContent(prompt="Be brief.\nBe fair.", base=Variant("a", temperature=0.5))
    found = {item.field: item for item in differences(Side(old, ()), Side(new, ()))}

    assert set(found) == {"prompt", "base.temperature", "base.retrieval.top_k"}
    assert found["prompt"].diff == "@@ -1,2 +1,2 @@\n Be brief.\n-Be kind.\n+Be fair."
    assert (found["prompt"].before, found["prompt"].after) == (old.prompt, new.prompt)
    assert (found["base.temperature"].before, found["base.temperature"].after) == (None, 0.5)
    assert (found["base.retrieval.top_k"].before, found["base.retrieval.top_k"].after) == (3, 8)


def test_a_variant_that_comes_or_goes_differs_in_each_of_its_fields():
    old, new = AppContent(), AppContent(tuned=Variant("t", retrieval=None, prompt="Tuned."))
    found = {item.field: item.after for item in differences(Side(old, ()), Side(new, ()))}
    assert found == {"tuned.model": "t", "tuned.prompt": "Tuned."}


def test_inputs_are_told_apart_by_name_and_their_order_does_not_count():
    who, team = InputVariable("who"), InputVariable("team", type="select", options=("a", "b"))
    turned = differences(
        Side(AppContent(inputs=(who, team)), ()), Side(AppContent(inputs=(team, who)), ())
    )
    assert turned == []
    needed = InputVariable("who", required=True)
    (found,) = differences(
        Side(AppContent(inputs=(who,)), ()), Side(AppContent(inputs=(needed,)), ())
    )
    assert (found.field, found.before, found.after) == ("inputs.who.required", False, True)


def test_a_dataset_that_was_processed_anew_differs_by_its_id():
    again = PublishedDataset("ds_1", "handbook", 2, "minilm", "bb")
    found = differences(Side(AppContent(), [STATE]), Side(AppContent(), [again]))
    assert [(item.field, item.before, item.after) for item in found] == [
        ("datasets.ds_1.generation", 1, 2),
        ("datasets.ds_1.processing", "aa", "bb"),
    ]
