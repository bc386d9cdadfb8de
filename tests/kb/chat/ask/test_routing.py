"""Routing: the first step that has an opinion decides, and says so."""

import pytest

from kb.chat.ask.routing import (
    canary_share,
    check_policy,
    choose_variant,
    needs_search,
    route_warnings,
)
from kb.errors import Conflict, Rejected
from kb.types import AppContent, Chunk, Hit, RoutePolicy, RouteRule, Variant

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


@pytest.mark.parametrize("query", ["Cafe\u0301 Málaga", "CAFE MALAGA", "ｃａｆé"])
def test_a_keyword_is_found_however_the_question_spells_it(query):
    rules = (RouteRule(("café",), "tuned"),)
    assert choose(RoutePolicy(rules=rules), query=query) == ("tuned", "rule")


def test_a_keyword_of_nothing_but_invisible_characters_matches_nothing():
    rules = (RouteRule(("\u200b",), "tuned"),)
    assert choose(RoutePolicy(rules=rules), query="hello") == ("base", "default")


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


def test_a_rule_on_the_language_sends_its_speakers():
    policy = RoutePolicy(rules=(RouteRule(languages=("zh", "ja"), variant="tuned"),))
    assert choose(policy, query="退款需要多长时间？") == ("tuned", "rule")
    assert choose(policy, query="How long does a refund take?") == ("base", "default")
    assert choose(policy, query="kubectl") == ("base", "default")


def found(dataset_id, score):
    chunk = Chunk("chunk", "doc", 0, (), "", "", "")
    return [Hit(chunk, dataset_id, "a.md", score, {})]


def test_a_rule_on_the_dataset_looks_where_the_best_hit_comes_from():
    policy = RoutePolicy(rules=(RouteRule(dataset_ids=("ds_law", "ds_tax"), variant="tuned"),))
    assert choose(policy, found=found("ds_tax", 0.4)) == ("tuned", "rule")
    assert choose(policy, found=found("ds_faq", 0.9)) == ("base", "default")
    assert choose(policy, found=[]) == ("base", "default")
    assert choose(policy, found=None) == ("base", "default")


def test_a_rule_on_the_score_has_two_ends_and_nothing_found_scores_zero():
    weak = RoutePolicy(rules=(RouteRule(score_below=0.3, variant="tuned"),))
    assert choose(weak, found=found("ds", 0.29)) == ("tuned", "rule")
    assert choose(weak, found=found("ds", 0.3)) == ("base", "default")
    assert choose(weak, found=[]) == ("tuned", "rule")
    assert choose(weak, found=None) == ("base", "default"), "nothing was searched"
    strong = RoutePolicy(rules=(RouteRule(score_at_least=0.3, variant="tuned"),))
    assert choose(strong, found=found("ds", 0.3)) == ("tuned", "rule")
    assert choose(strong, found=found("ds", 0.29)) == ("base", "default")


def test_all_conditions_of_a_rule_must_hold_and_the_first_rule_decides():
    both = RouteRule(("refund",), "tuned", languages=("en",), score_at_least=0.5)
    policy = RoutePolicy(mode="tuned", rules=(both, RouteRule(("refund",), "base")))
    asked = {"query": "How do I get a refund?"}
    assert choose(policy, found=found("ds", 0.6), **asked) == ("tuned", "rule")
    assert choose(policy, found=found("ds", 0.4), **asked) == ("base", "rule")
    assert choose(policy, found=found("ds", 0.6)) == ("tuned", "default")


def test_nothing_is_searched_before_a_rule_needs_it():
    rules = (RouteRule(("refund",), "tuned"), RouteRule(("x",), "base", score_below=0.5))
    policy = RoutePolicy(rules=rules)
    for query, pinned, requested, expected in (
        ("refund", None, None, ("tuned", "rule")),
        ("hello", None, "auto", ("base", "default")),
        ("x", "tuned", None, ("tuned", "pinned")),
        ("x", None, "tuned", ("tuned", "requested")),
    ):
        assert not needs_search(policy, requested, pinned, query)
        asked = {"query": query, "pinned": pinned, "requested": requested}
        assert choose(policy, **asked) == expected
    assert needs_search(policy, "auto", None, "x")
    assert needs_search(RoutePolicy(rules=(RouteRule(score_below=0.5),)), None, None, "hello")


@pytest.mark.parametrize(
    "policy",
    [
        RoutePolicy(mode="tuned"),
        RoutePolicy(mode="split", percent=1),
        RoutePolicy(rules=(RouteRule(("x",), "tuned"),)),
    ],
)
def test_a_policy_for_a_missing_tuned_variant_is_refused_and_one_to_come_warned_of(policy):
    with pytest.raises(Conflict, match="no tuned variant"):
        check_policy(policy, AppContent(), AppContent())
    with pytest.raises(Conflict, match="no tuned variant"):
        check_policy(policy, None, AppContent())
    check_policy(policy, AppContent(), BOTH)
    check_policy(policy, BOTH, AppContent())
    assert [one.code for one in route_warnings(policy, AppContent())] == ["no_tuned_variant"]
    assert route_warnings(policy, BOTH) == ()


def test_a_policy_that_only_knows_base_needs_no_tuned_variant():
    for policy in (
        RoutePolicy(),
        RoutePolicy(mode="split"),
        RoutePolicy(rules=(RouteRule(("x",)),)),
    ):
        check_policy(policy, AppContent(), AppContent())
        assert route_warnings(policy, AppContent()) == ()
