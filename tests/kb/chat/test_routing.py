"""Routing: the first step that has an opinion decides, and says so."""

import pytest

from kb.chat.routing import canary_share, choose_variant
from kb.errors import Rejected
from kb.types import AppContent, RoutePolicy, RouteRule, Variant

BOTH = AppContent(tuned=Variant(model="tuned"))
RULES = (RouteRule(("refund", "退款"), "tuned"), RouteRule(("",), "tuned"))


def choose(policy=None, content=BOTH, **asked):
    given = {"requested": None, "pinned": None, "query": "hello", "conversation_id": "c"} | asked
    return choose_variant(policy or RoutePolicy(), content, **given)


def test_each_step_decides_before_the_next():
    policy = RoutePolicy(mode="split", percent=100, rules=RULES)
    asked = {"query": "My REFUND", "pinned": "base", "requested": "tuned"}

    assert choose(policy, **asked) == ("tuned", "requested")
    assert choose(policy, **asked | {"requested": "auto"}) == ("base", "pinned")
    assert choose(policy, **asked | {"requested": None, "pinned": None}) == ("tuned", "rule")
    assert choose(policy) == ("tuned", "canary")
    assert choose(RoutePolicy(mode="tuned")) == ("tuned", "default")
    assert choose() == ("base", "default")


def test_rules_match_anywhere_in_text_without_word_breaks_and_empty_keywords_never():
    assert choose(RoutePolicy(rules=RULES), query="我要退款。") == ("tuned", "rule")
    assert choose(RoutePolicy(rules=RULES), query="我要发票。") == ("base", "default")


def test_tuned_on_request_is_rejected_where_there_is_none():
    with pytest.raises(Rejected, match="no tuned variant"):
        choose(content=AppContent(), requested="tuned")


@pytest.mark.parametrize(
    "asked",
    [
        {"policy": RoutePolicy(mode="tuned")},
        {"policy": RoutePolicy(mode="split", percent=100)},
        {"policy": RoutePolicy(rules=RULES), "query": "refund"},
        {"pinned": "tuned"},
    ],
)
def test_a_policy_that_wants_a_missing_tuned_variant_gets_base(asked):
    assert choose(content=AppContent(), **asked) == ("base", "no_tuned_variant")


def test_raising_the_percent_never_moves_a_conversation_back():
    ids = [f"conversation {n}" for n in range(400)]
    tuned_before: set[str] = set()
    for percent in range(0, 101, 5):
        policy = RoutePolicy(mode="split", percent=percent)
        tuned = {i for i in ids if choose(policy, conversation_id=i)[0] == "tuned"}
        assert tuned_before <= tuned
        tuned_before = tuned
    assert tuned_before == set(ids)


def test_canary_shares_are_spread_evenly():
    below = sum(canary_share(f"conversation {n}") < 30 for n in range(4000))
    assert 0.27 < below / 4000 < 0.33
