"""Which variant answers a question: the base model or the tuned one, and why.

The order is fixed: request, conversation pin, rule, canary, app default. An earlier step is never
asked again, so a conversation that has been pinned keeps its model whatever the policy becomes.
Rules are judged in their order, and only one that asks for it makes a search happen first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from kb.errors import Conflict, Rejected
from kb.text.folding import fold
from kb.text.languages import language_of
from kb.types import AppContent, Failure, Hit, RoutePolicy, RouteRule, VariantName

RouteReason = Literal[
    "requested",
    "pinned",
    "rule",
    "canary",
    "default",
    "no_tuned_variant",
    "fallback",
    "circuit_open",
    "shut_down",
]
RouteRequest = Literal["auto", "base", "tuned"]

IntentOf = Callable[[str, str], str | None]
"""The intent that a classifier finds in a question."""

_BUCKETS = 10_000


def no_intent(_classifier: str, _query: str) -> str | None:
    """Where no classifier is at hand."""
    return None


def choose_variant(
    policy: RoutePolicy,
    content: AppContent,
    *,
    requested: RouteRequest | None,
    pinned: VariantName | None,
    query: str,
    conversation_id: str,
    found: Sequence[Hit] | None = None,
    intent_of: IntentOf = no_intent,
) -> tuple[VariantName, RouteReason]:
    """Pick the variant for a question; a policy that wants a missing tuned variant gets base.

    "fallback", "circuit_open" and "shut_down" are never returned: they are the reasons of a run
    that leaves, or does not even ask, a tuned variant.

    Args:
        requested: the switch in the request; None and "auto" leave the choice to the rest.
        pinned: the variant that the conversation has been answered with so far.
        conversation_id: decides the canary share, so that a conversation never changes sides.
        found: what a search has found, best first, if `needs_search`; None where the app has
            nothing to search.
        intent_of: asked for rules that have an `intent`.

    Raises:
        Rejected: "tuned" is requested of an app that has no tuned variant.
    """
    if requested == "tuned" and content.tuned is None:
        raise Rejected(
            'This app has no tuned variant. Ask with route "auto" or "base", or publish a version '
            "with a tuned variant."
        )
    if requested in ("base", "tuned"):
        return requested, "requested"
    variant, reason = _by_policy(policy, pinned, query, conversation_id, found, intent_of)
    if variant == "tuned" and content.tuned is None:
        return "base", "no_tuned_variant"
    return variant, reason


def needs_search(
    policy: RoutePolicy,
    requested: RouteRequest | None,
    pinned: VariantName | None,
    query: str,
    intent_of: IntentOf = no_intent,
) -> bool:
    """Whether a search has to come first: a rule asks for it, and nothing before it decides."""
    if requested in ("base", "tuned") or pinned is not None:
        return False
    for rule in policy.rules:
        of_text = list(_of_text(rule, query, intent_of))
        if all(of_text) and (of_text or rule.needs_search):
            return rule.needs_search
    return False


def wants_tuned(policy: RoutePolicy) -> bool:
    """Whether a policy may choose the tuned variant for some question."""
    by_mode = policy.mode == "tuned" or (policy.mode == "split" and policy.percent > 0)
    return by_mode or any(rule.variant == "tuned" for rule in policy.rules)


def check_policy(policy: RoutePolicy, published: AppContent | None, draft: AppContent) -> None:
    """Raises Conflict if a policy wants a tuned variant and neither version nor draft has one."""
    contents = [content for content in (published, draft) if content is not None]
    if wants_tuned(policy) and all(content.tuned is None for content in contents):
        raise Conflict(
            "This app has no tuned variant, so every question would go to base. Give its draft "
            "a `tuned` variant and publish it, then turn the switch."
        )


def route_warnings(policy: RoutePolicy, published: AppContent | None) -> tuple[Failure, ...]:
    """What an operator should know of a policy: that what it wants does not answer yet."""
    if not wants_tuned(policy) or (published is not None and published.tuned is not None):
        return ()
    return (
        Failure(
            "no_tuned_variant",
            "The published version has no tuned variant, so every question goes to base. "
            "Publish a draft that has one.",
        ),
    )


def canary_share(conversation_id: str) -> float:
    """Where a conversation stands between 0 and 100: it is tuned if that is below the percent.

    The place depends on the id alone, so raising the percent only ever moves conversations from
    base to tuned, and lowering it only from tuned to base.
    """
    digest = hashlib.sha256(conversation_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BUCKETS * 100 / _BUCKETS


def _by_policy(
    policy: RoutePolicy,
    pinned: VariantName | None,
    query: str,
    conversation_id: str,
    found: Sequence[Hit] | None,
    intent_of: IntentOf,
) -> tuple[VariantName, RouteReason]:
    if pinned is not None:
        return pinned, "pinned"
    for rule in policy.rules:
        if _holds(rule, query, found, intent_of):
            return rule.variant, "rule"
    if policy.mode == "split":
        tuned = canary_share(conversation_id) < policy.percent
        return ("tuned" if tuned else "base"), "canary"
    return policy.mode, "default"


def _holds(rule: RouteRule, query: str, found: Sequence[Hit] | None, intent_of: IntentOf) -> bool:
    """Whether a rule has conditions and all of them hold."""
    of_text = list(_of_text(rule, query, intent_of))
    if not rule.needs_search:
        return bool(of_text) and all(of_text)
    return all(of_text) and found is not None and all(_of_search(rule, found))


def _of_text(rule: RouteRule, query: str, intent_of: IntentOf) -> Iterator[bool]:
    if rule.keywords:
        asked = fold(query).casefold()
        keywords = (fold(keyword).casefold() for keyword in rule.keywords)
        yield any(keyword and keyword in asked for keyword in keywords)
    if rule.languages:
        yield language_of(query) in rule.languages
    if rule.intent is not None and rule.classifier is not None:
        yield intent_of(rule.classifier, query) == rule.intent


def _of_search(rule: RouteRule, found: Sequence[Hit]) -> Iterator[bool]:
    score = found[0].score if found else 0.0
    if rule.dataset_ids:
        yield bool(found) and found[0].dataset_id in rule.dataset_ids
    if rule.score_at_least is not None:
        yield score >= rule.score_at_least
    if rule.score_below is not None:
        yield score < rule.score_below
