"""Lets a language model add to a question before it is searched, where the app asks for that.

It costs a call of the model before the first source is known, so it is off unless a retrieval
profile turns it on; if the model fails or is slow, the question is searched as it is.
"""

from __future__ import annotations

from kb.chat.follow_up.asides import Asides
from kb.protocols import Prompt
from kb.search.expansion import (
    ASK_FOR_PASSAGE,
    ASK_FOR_QUERIES,
    NOTHING_ELSE,
    Expansion,
    passage,
    wordings,
)
from kb.types import AppContent, AppVersion, Expand, Scope

MAX_TOKENS = 300


def wanted(content: AppContent) -> Expand:
    """What the profiles of an app ask for; that of the base variant goes before the tuned one's."""
    if not content.dataset_ids:
        return "none"
    variants = (content.base, content.tuned)
    profiles = [v.retrieval for v in variants if v is not None and v.retrieval is not None]
    return next((profile.expand for profile in profiles if profile.expand != "none"), "none")


async def expanded(
    asides: Asides, scope: Scope, version: AppVersion, query: str, how: Expand
) -> Expansion:
    """What the model adds to a question; nothing if it cannot be asked."""
    if how == "none":
        return NOTHING_ELSE
    instructions = ASK_FOR_QUERIES if how == "queries" else ASK_FOR_PASSAGE
    prompt = Prompt(instructions, (), query, temperature=0.0, max_tokens=MAX_TOKENS)
    written = await asides.reply(scope, version, prompt)
    if not written:
        return NOTHING_ELSE
    if how == "queries":
        return Expansion(queries=wordings(written, query))
    return Expansion(passage=passage(written))
