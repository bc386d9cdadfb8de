"""Which variant answers a question: the base model or the tuned one, and why.

The order is fixed: request, conversation pin, rule, canary, app default. An earlier step is never
asked again, so a conversation that has been pinned keeps its model whatever the policy becomes.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from kb.errors import Rejected
from kb.types import AppContent, RoutePolicy, VariantName

RouteReason = Literal[
    "requested", "pinned", "rule", "canary", "default", "no_tuned_variant", "fallback"
]
RouteRequest = Literal["auto", "base", "tuned"]

_BUCKETS = 10_000


def choose_variant(
    policy: RoutePolicy,
    content: AppContent,
    *,
    requested: RouteRequest | None,
    pinned: VariantName | None,
    query: str,
    conversation_id: str,
) -> tuple[VariantName, RouteReason]:
    """Pick the variant for a question; a policy that wants a missing tuned variant gets base.

    "fallback" is never returned: it is the reason of a run that leaves a failing tuned variant.

    Args:
        requested: the switch in the request; None and "auto" leave the choice to the rest.
        pinned: the variant that the conversation has been answered with so far.
        conversation_id: decides the canary share, so that a conversation never changes sides.

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
    variant, reason = _by_policy(policy, pinned, query, conversation_id)
    if variant == "tuned" and content.tuned is None:
        return "base", "no_tuned_variant"
    return variant, reason


def canary_share(conversation_id: str) -> float:
    """Where a conversation stands between 0 and 100: it is tuned if that is below the percent.

    The place depends on the id alone, so raising the percent only ever moves conversations from
    base to tuned, and lowering it only from tuned to base.
    """
    digest = hashlib.sha256(conversation_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BUCKETS * 100 / _BUCKETS


def _by_policy(
    policy: RoutePolicy, pinned: VariantName | None, query: str, conversation_id: str
) -> tuple[VariantName, RouteReason]:
    if pinned is not None:
        return pinned, "pinned"
    ruled = _by_rule(policy, query)
    if ruled is not None:
        return ruled, "rule"
    if policy.mode == "split":
        tuned = canary_share(conversation_id) < policy.percent
        return ("tuned" if tuned else "base"), "canary"
    return policy.mode, "default"


def _by_rule(policy: RoutePolicy, query: str) -> VariantName | None:
    asked = query.casefold()
    for rule in policy.rules:
        if any(keyword and keyword.casefold() in asked for keyword in rule.keywords):
            return rule.variant
    return None
