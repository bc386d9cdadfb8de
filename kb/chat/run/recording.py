"""What an answer leaves behind: its stored message, its usage and what it cost.

Written once, at the end, also for a partial answer; live and reloaded answers look alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from kb.chat.ask.chat_models import EXTRACTIVE
from kb.chat.ask.question import ChatQuestion, PreparedVariant, RunIdentity
from kb.chat.run.run import Terminal
from kb.chat.run.run_log import LOST, Unfinished
from kb.ids import now
from kb.protocols import Prompt
from kb.store.access import usage
from kb.store.apps import conversations
from kb.store.engine.database import Transaction
from kb.text.model_text import estimate_tokens
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    DraftPiece,
    EndPiece,
    Failed,
    Message,
    ModelUsage,
    Price,
    Routed,
    RunEvent,
    Scope,
    Source,
    Sources,
    Usage,
    VariantName,
)

USUAL_ANSWER_TOKENS = 1000
"""What an answer is expected to take where its variant sets no `max_tokens`. Set by hand, on the
high side: only how many answers may begin before a key's limit depends on it."""


@dataclass(frozen=True)
class Answer:
    """What has been answered so far; `first_token_ms` is None until there is text."""

    question: ChatQuestion
    variant: PreparedVariant
    text: str = ""
    citations: Sequence[Citation] = ()
    first_token_ms: float | None = None
    draft: DraftPiece | None = None
    end: EndPiece = field(default_factory=EndPiece)

    @cached_property
    def models(self) -> tuple[ModelUsage, ...]:
        """What each model that was asked has used, the one that drafted first.

        Tokens as the models counted them, else estimated; nothing where no model was asked.
        """
        variant, draft = self.variant, self.draft
        model = variant.route.model
        if variant.model is None:
            return (ModelUsage(model, Usage(0, 0, estimated=False), variant.price),)
        used = used_tokens(variant.prompt, self.text, self.end)
        if draft is None or variant.draft is None:
            return (ModelUsage(model, used, variant.price),)
        if used.estimated:  # the prompt is known only without the draft
            more = estimate_tokens(draft.text)
            used = _sum([used, Usage(more, 0, True, more)])
        drafter, drafted = variant.draft.model, Usage(0, 0, estimated=False)
        if drafter is not None:
            drafted = used_tokens(variant.draft.prompt, draft.text, draft.end)
        price = drafter.price if drafter else Price()
        drafting = ModelUsage(variant.route.draft_model or EXTRACTIVE, drafted, price)
        return drafting, ModelUsage(model, used, variant.price)

    @property
    def usage(self) -> Usage:
        """The tokens of all models together."""
        return _sum([part.usage for part in self.models])

    @property
    def currency(self) -> str | None:
        """That of the models with prices; None if none has, or they have several."""
        found = {part.price.currency for part in self.models if part.cost is not None}
        return found.pop() if len(found) == 1 else None

    @property
    def cost(self) -> float | None:
        """The money for all models together, None where no currency is."""
        costs = (part.cost or 0.0 for part in self.models)
        return None if self.currency is None else round(sum(costs), 8)

    def timings_ms(self) -> Mapping[str, float]:
        """Milliseconds of each stage, from the question on."""
        return {
            "rewrite": round(self.question.rewrite_ms, 1),
            "search": round(self.variant.search_ms, 1),
            "first_token": round(self.first_token_ms or 0.0, 1),
            "total": round(self.question.elapsed_ms(), 1),
        }


def store(tx: Transaction, answer: Answer, terminal: Terminal) -> None:
    """Write the message, also of a partial answer; nothing if the app was deleted meanwhile."""
    question = answer.question
    scope, app_id = question.scope, question.app.id
    message = _message(answer, terminal)
    pinned = answer.variant.route.variant if _pins(answer.variant, terminal) else None
    begun, end_user = question.conversation, question.identity.end_user
    asks = scope, app_id, begun.end_user if begun else end_user, message.route.variant
    *drafted, answered = answer.models
    for part in drafted:
        usage.count(tx, *asks, part, answers=0)
    usage.count(tx, *asks, answered)
    replaces = question.request.replaces
    is_there = _add(tx, scope, question.identity, message, is_first=begun is None, variant=pinned)
    if is_there and replaces is not None and not isinstance(terminal, Failed):
        conversations.replace_from(tx, replaces, message)


def store_lost(
    tx: Transaction, unfinished: Unfinished, events: Iterable[RunEvent], failed: Failed
) -> None:
    """Write the message of an answer whose process has died, from those events that are known.

    Its usage is estimated, and the money is not known.
    """
    identity, message = unfinished.identity, replace(unfinished.message, error=failed.error)
    for event in events:
        match event:
            case Routed(route):
                message = replace(message, route=route)
            case Sources(query, sources):
                told = [source_record(source) for source in sources]
                message = replace(message, search_query=query, sources=told)
            case Delta(text):
                message = replace(message, answer=message.answer + text)
            case Cited(citation):
                message = replace(message, citations=(*message.citations, citation))
    if message.usage.prompt_tokens:
        used = replace(message.usage, completion_tokens=estimate_tokens(message.answer))
        message = replace(message, usage=used)
    scope, route = replace(Scope.admin(), key_id=identity.key_id), message.route
    asks = scope, message.app_id, identity.end_user, route.variant
    usage.count(tx, *asks, ModelUsage(route.model, message.usage, Price()))
    _add(tx, scope, identity, message, is_first=unfinished.is_first)


def _add(
    tx: Transaction,
    scope: Scope,
    identity: RunIdentity,
    message: Message,
    *,
    is_first: bool,
    variant: VariantName | None = None,
) -> bool:
    """Add a message to its conversation; False, and nothing happens, if that was deleted."""
    if is_first:
        named = {"end_user": identity.end_user, "external_id": identity.external_id}
        is_there = conversations.begin(tx, scope, message, variant=variant, **named)
    else:
        is_there = conversations.go_on(tx, message, variant=variant)
    if is_there:
        conversations.add_message(tx, message)
    return is_there


def unfinished(answer: Answer, expected_tokens: int) -> Unfinished:
    """What is written down of an answer when it begins, for the case that its process dies."""
    is_first = answer.question.conversation is None
    message = _message(answer, Failed(LOST, retryable=True))
    message = replace(message, answer="", sources=(), citations=())  # which its events tell
    return Unfinished(answer.question.identity, message, is_first, expected_tokens)


def expected_tokens(variant: PreparedVariant) -> int:
    """What the models of a variant will likely read and write, as far as it is known before."""
    if variant.model is None:
        return 0
    written = variant.prompt.sampling.max_tokens or USUAL_ANSWER_TOKENS
    expected = _read(variant.prompt) + written
    if variant.draft is None:
        return expected
    expected += written  # the draft, as it is read
    return expected + (_read(variant.draft.prompt) + written if variant.draft.model else 0)


def source_record(source: Source) -> dict[str, Any]:
    """A source as it is shown and stored: live and reloaded answers look alike."""
    chunk = source.hit.chunk
    return {
        "n": source.n,
        "chunk_id": chunk.id,
        "dataset_id": source.hit.dataset_id,
        "document_id": chunk.document_id,
        "document_name": source.hit.document_name,
        **asdict(chunk.spans[0]),
        "heading": chunk.heading,
        "score": round(source.hit.score, 4),
        "text": chunk.text,
    }


def _message(answer: Answer, terminal: Terminal) -> Message:
    completed = terminal if isinstance(terminal, Completed) else None
    question, variant = answer.question, answer.variant
    identity, replay_of = question.identity, question.request.replay_of
    return Message(
        id=identity.message_id,
        conversation_id=identity.conversation_id,
        run_id=identity.run_id,
        app_id=identity.app_id,
        app_slug=question.app.slug,
        app_version=question.version.version,
        query=question.query,
        answer=answer.text,
        status=_status(terminal),
        finish_reason=completed.finish_reason if completed else None,
        grounded=completed.grounded if completed else None,
        route=variant.route,
        sources=[source_record(source) for source in variant.sources or ()],
        citations=tuple(answer.citations),
        cost=answer.cost,
        currency=answer.currency,
        unsupported=completed.unsupported if completed else (),
        usage=answer.usage,
        timings_ms=completed.timings_ms if completed else answer.timings_ms(),
        error=terminal.error if isinstance(terminal, Failed) else None,
        created_at=now(),
        search_query=None if variant.sources is None else question.search_query,
        inputs=question.inputs or None,
        replay_of=replay_of.id if replay_of else None,
        annotation_id=variant.fixed.annotation_id if variant.fixed else None,
        annotation_score=variant.fixed.score if variant.fixed else None,
    )


def _pins(variant: PreparedVariant, terminal: Terminal) -> bool:
    """A conversation keeps what the policy chose, once that has answered without a fallback."""
    reason = variant.route.reason.partition(",")[0]
    return isinstance(terminal, Completed) and reason in ("rule", "canary", "default")


def _status(terminal: Terminal) -> Literal["completed", "failed", "cancelled"]:
    match terminal:
        case Completed():
            return "completed"
        case Cancelled():
            return "cancelled"
        case Failed():
            return "failed"


def _sum(usages: Sequence[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
        prompt_hidden=sum(usage.prompt_hidden for usage in usages),
        cached_tokens=sum(usage.cached_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
    )


def used_tokens(prompt: Prompt, text: str, end: EndPiece) -> Usage:
    """What a model has read and written, in its own count, else estimated."""
    hidden, visible = estimate_tokens(prompt.system), estimate_tokens(_visible(prompt))
    if end.prompt_tokens:
        visible = min(visible, end.prompt_tokens)
        return Usage(
            prompt_tokens=end.prompt_tokens,
            completion_tokens=end.completion_tokens,
            estimated=False,
            prompt_hidden=end.prompt_tokens - visible,
            cached_tokens=end.cached_tokens,
            reasoning_tokens=end.reasoning_tokens,
        )
    return Usage(hidden + visible, estimate_tokens(text), True, hidden)


def _read(prompt: Prompt) -> int:
    return estimate_tokens(prompt.system) + estimate_tokens(_visible(prompt))


def _visible(prompt: Prompt) -> str:
    turns = (f"{turn.query}\n{turn.answer}" for turn in prompt.history)
    return "\n".join((*turns, prompt.query))
