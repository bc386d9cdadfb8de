"""A tuned variant is rolled out step by step, unseen first, and goes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kb.apps import configuring
from kb.apps.gates import GateNotMet, Gates
from kb.apps.rollout import rollouts
from kb.apps.rollout.figures import Arm, reason_to_return
from kb.apps.rollout.rollouts import RolloutState
from kb.apps.rollout.watching import RolloutWatcher
from kb.chat.ask.question import ChatRequest
from kb.errors import Conflict, NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps, conversations, feedback
from kb.store.engine.paging import PageRequest
from kb.types import Limits, RolloutPlan, RoutePolicy, Scope, Variant
from tests.chatting import message
from tests.fake_models import running_fake_server
from tests.parts import ADMIN, ask, opened, publish, register
from tests.tuned import GOOD, WORSE

PLAN = RolloutPlan(steps=(50, 100), answers=2, least_answers=2, least_rated=2, slow_ratio=1e6)
"""Without the rule of slowness, which on a busy machine strikes by chance."""


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with running_fake_server() as server, opened(tmp_path_factory.mktemp("roll") / "data") as kb:
        register(kb, server.base_url, "say:base", "say:tuned", "fail:500", "stall")
        yield kb


def app(kb: KnowledgeBase, slug: str, tuned: str = "say:tuned") -> str:
    base, other = (Variant(model, retrieval=None) for model in ("say:base", tuned))
    return publish(kb, slug, base=base, tuned=other).id


def begin(kb: KnowledgeBase, slug: str, stage, plan: RolloutPlan = PLAN) -> RolloutState:
    return kb.database.writing(rollouts.begin, ADMIN, slug, stage, plan, GOOD, Gates())


def looked(kb: KnowledgeBase, slug: str) -> RolloutState:
    """How a roll-out stands after a look."""

    async def look() -> None:
        await RolloutWatcher(kb.database, kb.chat).look()
        await kb.chat_models.close()  # connections belong to this loop

    asyncio.run(look())
    return kb.database.reading(rollouts.state, ADMIN, slug)


def policy(kb: KnowledgeBase, slug: str) -> RoutePolicy:
    return kb.database.reading(apps.get, ADMIN, slug).route


def test_each_step_ends_after_its_answers_and_the_switch_is_turned_on(kb):
    app(kb, "steps")
    assert begin(kb, "steps", "canary").rollout.percent == 50
    assert policy(kb, "steps") == RoutePolicy("split", 50)
    ask(kb, "steps", "One?", route="tuned")
    assert looked(kb, "steps").rollout.percent == 50, "one answer is not enough"
    ask(kb, "steps", "Two?", route="tuned")
    done = looked(kb, "steps")
    assert (done.rollout.stage, done.rollout.percent) == ("full", 100)
    assert done.tuned.answers == 0, "the new step counts its own"
    assert policy(kb, "steps") == RoutePolicy("tuned")
    assert "0/2 failed" in done.rollout.events[-1].detail
    ask(kb, "steps", "Three?")
    ask(kb, "steps", "Four?")
    assert looked(kb, "steps").rollout.stage == "full", "it stays watched"


def test_a_step_lasts_its_hours(kb):
    app(kb, "hours")
    begin(kb, "hours", "canary", RolloutPlan(answers=1, hours=1.0))
    ask(kb, "hours", "One?", route="tuned")
    assert looked(kb, "hours").rollout.percent == 5


def test_failures_send_it_back_to_base_and_talks_keep_their_variant(kb):
    app(kb, "failing", "fail:500")
    begin(kb, "failing", "canary")
    for question in ("One?", "Two?"):
        ask(kb, "failing", question, route="tuned")
    back = looked(kb, "failing")
    assert (back.rollout.stage, back.rollout.percent) == ("returned", 0)
    assert back.rollout.events[-1].detail.startswith("It fails too often. Tuned: 2/2 failed")
    assert policy(kb, "failing") == RoutePolicy("base")


def test_a_conversation_keeps_the_tuned_variant_after_the_return(kb):
    app(kb, "kept")
    begin(kb, "kept", "canary", RolloutPlan(steps=(100,)))
    first = message(kb, ask(kb, "kept", "One?"))
    assert first.route.variant == "tuned"
    kb.database.writing(rollouts.end, ADMIN, "kept", "returned")
    again = message(kb, ask(kb, "kept", "Two?", conversation_id=first.conversation_id))
    assert (again.route.variant, again.route.reason) == ("tuned", "pinned")
    assert message(kb, ask(kb, "kept", "Three?")).route.variant == "base"


def test_dislikes_that_are_many_more_send_it_back(kb):
    app(kb, "disliked")
    plan = RolloutPlan(answers=100, least_rated=8)
    begin(kb, "disliked", "canary", plan)
    for number in range(8):
        for route, rating in (("base", "like"), ("tuned", "dislike")):
            asked = message(kb, ask(kb, "disliked", f"{number}?", route=route))
            kb.database.writing(feedback.put, ADMIN, asked.id, rating=rating)
    assert "disliked more" in looked(kb, "disliked").rollout.events[-1].detail


def test_a_shadow_is_made_after_the_answer_and_only_admins_see_it(kb):
    app(kb, "shadowed")
    begin(kb, "shadowed", "shadow")
    first = message(kb, ask(kb, "shadowed", "One?", end_user="ann"))
    assert (first.answer, policy(kb, "shadowed").mode) == ("base", "base")

    state = looked(kb, "shadowed")

    (shadow,) = kb.database.reading(conversations.replays_of, ADMIN, first.id)
    assert (shadow.answer, shadow.route.variant) == ("tuned", "tuned")
    assert (state.tuned.answers, state.base.answers) == (1, 1)
    user = Scope(frozenset({"chat"}), apps=frozenset({first.app_id}), end_user="ann")
    seen = kb.database.reading(conversations.page, user, PageRequest(10)).data
    assert [one.id for one in seen] == [first.conversation_id]
    assert looked(kb, "shadowed").tuned.answers == 1, "none is made twice"
    ask(kb, "shadowed", "Two?")
    looked(kb, "shadowed")
    moved = looked(kb, "shadowed").rollout
    assert (moved.stage, moved.percent) == ("canary", 50)


def test_no_shadow_is_made_while_somebody_is_being_answered(kb):
    app(kb, "busy")
    begin(kb, "busy", "shadow")
    ask(kb, "busy", "One?")
    publish(kb, "elsewhere", base=Variant("stall", retrieval=None))

    async def look_meanwhile() -> None:
        run = await kb.chat.ask(ADMIN, "elsewhere", ChatRequest("Two?"), Limits())
        await RolloutWatcher(kb.database, kb.chat).look()
        run.stop()
        await run.read_along()
        await kb.chat_models.close()

    asyncio.run(look_meanwhile())
    assert kb.database.reading(rollouts.state, ADMIN, "busy").tuned.answers == 0
    assert looked(kb, "busy").tuned.answers == 1


@pytest.mark.parametrize("plan", [{"shadow_percent": 0}, {"shadow_tokens_per_day": 0}])
def test_no_shadow_is_made_beyond_the_sample_and_the_tokens_of_the_day(kb, plan):
    slug = f"limited-{'-'.join(plan).replace('_', '-')}"
    app(kb, slug)
    begin(kb, slug, "shadow", RolloutPlan(**plan))
    ask(kb, slug, "One?")
    assert looked(kb, slug).tuned.answers == 0


def test_who_turns_the_switch_by_hand_ends_the_roll_out(kb):
    app(kb, "by-hand")
    begin(kb, "by-hand", "canary")
    kb.database.writing(configuring.set_switch, ADMIN, "by-hand", RoutePolicy("split", 90))
    assert looked(kb, "by-hand").rollout.stage == "stopped"
    assert policy(kb, "by-hand") == RoutePolicy("split", 90)


def test_another_version_begins_the_step_anew_and_one_without_tuned_ends_it(kb):
    app(kb, "versions")
    begin(kb, "versions", "canary")
    ask(kb, "versions", "One?", route="tuned")
    ask(kb, "versions", "Two?", route="tuned")
    kb.database.writing(apps.publish, ADMIN, "versions")
    anew = looked(kb, "versions")
    assert (anew.rollout.version, anew.rollout.percent, anew.tuned.answers) == (2, 50, 0)
    with kb.database.write() as tx:
        draft, _ = apps.draft(tx, ADMIN, "versions")
        bare = type(draft)(base=draft.base)
        apps.set_draft(tx, ADMIN, "versions", bare, expected=None)
        apps.publish(tx, ADMIN, "versions")
    assert looked(kb, "versions").rollout.stage == "returned"


def test_a_gate_that_is_shut_refuses_unless_somebody_says_why(kb):
    app(kb, "gated")
    asked = (ADMIN, "gated", "canary", PLAN, WORSE, Gates())
    with pytest.raises(GateNotMet, match=r"50\.0%"):
        kb.database.writing(rollouts.begin, *asked)
    begun = kb.database.writing(rollouts.begin, *asked, "Style counts more.")
    assert "Style counts more." in begun.rollout.events[0].detail


def test_without_a_tuned_variant_or_a_roll_out_there_is_nothing_to_begin_or_show(kb):
    publish(kb, "bare", base=Variant("say:base"))
    with pytest.raises(Conflict):
        begin(kb, "bare", "canary")
    with pytest.raises(NotFound):
        kb.database.reading(rollouts.state, ADMIN, "bare")


def seen(answers=0, failures=0, first_token_p95_ms=None, rated=0, disliked=0) -> Arm:
    return Arm(answers, failures, first_token_p95_ms, rated, disliked)


@pytest.mark.parametrize(
    ("base", "tuned", "word"),
    [
        (seen(100, 2), seen(100, 4), None),
        (seen(100, 2), seen(100, 5), "fails"),
        (seen(100, 0), seen(20, 1), None),
        (seen(100, 0), seen(19, 9), None),
        (seen(100, 0, 400.0), seen(100, 0, 600.0), None),
        (seen(100, 0, 400.0), seen(100, 0, 601.0), "first token"),
        (seen(100, 0, 40.0), seen(100, 0, 139.0), None),
        (seen(19, 0, 400.0), seen(100, 0, 900.0), None),
        (seen(rated=100, disliked=20), seen(rated=100, disliked=30), None),
        (seen(rated=100, disliked=20), seen(rated=100, disliked=37), "disliked"),
        (seen(rated=49, disliked=0), seen(rated=100, disliked=50), None),
    ],
)
def test_the_rules_of_the_return(base, tuned, word):
    reason = reason_to_return(base, tuned, RolloutPlan())
    assert (reason is None) == (word is None)
    assert word is None or word in str(reason)
