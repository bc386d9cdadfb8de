"""What one variant of an app needs to answer a question: its hits, its own prompt, its model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from kb.chat.ask.chat_models import EXTRACTIVE, ChatModels, OpenModel
from kb.chat.ask.curated import given
from kb.chat.ask.filling import filled
from kb.chat.ask.intents import Intents
from kb.chat.ask.prompting import (
    around_inputs,
    context_block,
    hidden_texts,
    is_as_trained,
    quotable_texts,
)
from kb.chat.ask.question import ChatQuestion, DraftStep, Found, PreparedVariant
from kb.chat.ask.routing import choose_variant, needs_search
from kb.chat.ask.small_talk import courteous, is_headed, only_talk
from kb.chat.ask.structure import fenced
from kb.chat.guard.allowed import Guarded
from kb.chat.guard.index import PromptIndex
from kb.errors import ModelUnavailable
from kb.models.llm.circuit import CircuitOpen
from kb.models.llm.extractive import extractive_answer
from kb.models.llm.failures import ShutDown, has_shut_down
from kb.protocols import Prompt
from kb.search.scoring import Verdict, judged
from kb.search.searching import Searcher
from kb.text.model_text import estimate_tokens
from kb.types import (
    AppContent,
    EndPiece,
    Hit,
    Piece,
    Price,
    Retrieval,
    Route,
    Source,
    TextPiece,
    Variant,
    VariantName,
)

PROMPTS_INDEXED = 16
"""Versions of apps whose prompts are kept ready for the gate; each takes about 350 bytes a
character."""


class VariantPreparer:
    """Makes ready the variant that answers a question: it searches with its own settings and
    fills its own hidden prompt. What was searched with the same settings before is not searched
    again."""

    def __init__(self, searcher: Searcher, models: ChatModels, intents: Intents) -> None:
        self._intents = intents
        self._searcher = searcher
        self._models = models
        self._indexed = lru_cache(maxsize=PROMPTS_INDEXED)(_prompt_index)

    def prepare(self, question: ChatQuestion) -> PreparedVariant:
        """The variant that the request, the conversation or the policy chooses; base if the tuned
        model cannot even be asked. Raises Rejected, ModelUnavailable or Overloaded."""
        if question.request.model is not None:
            return self._without_app(question, question.request.model)
        if question.fixed_answer is not None and question.search_query == question.query:
            return given(question.fixed_answer, question.query)
        found: Found = {}
        name, reason = choose_variant(
            question.app.route,
            question.content,
            requested=question.request.route,
            pinned=question.pinned,
            query=question.query,
            conversation_id=question.identity.conversation_id,
            found=self._evidence(question, found),
            intent_of=self._intents.of,
        )
        try:
            return self._prepared(question, name, reason, found)
        except ModelUnavailable as failure:
            if name == "base":
                raise
            return self._prepared(question, "base", _why(failure), found)

    def _without_app(self, question: ChatQuestion, name: str) -> PreparedVariant:
        """A model by itself, for an admin: the caller's instructions are its whole prompt."""
        model, request = self._model(question, "base", name), question.request
        if model is None:
            raise ModelUnavailable(f"{name!r} answers from the documents of an app. Ask an app.")
        # A text that ends in the separator, as in training, gets it once all the same.
        query = question.query.removesuffix(model.model.separator.strip()).rstrip()
        prompt = Prompt(request.instructions, question.history, query, sampling=request.sampling)
        route = Route("base", "requested", name)
        return PreparedVariant(route, prompt, model=model, price=model.price)

    def fall_back(
        self, question: ChatQuestion, failed: PreparedVariant, failure: ModelUnavailable
    ) -> PreparedVariant:
        """Base, after the tuned variant has failed before its first token."""
        return self._prepared(question, "base", _why(failure), dict(failed.found))

    def _evidence(self, question: ChatQuestion, found: Found) -> list[Hit] | None:
        """What the rules of the policy may know, where one of them asks for it: what is found with
        the settings of base, or of tuned where base does not search."""
        asked = (question.request.route, question.pinned, question.query)
        if not needs_search(question.app.route, *asked, self._intents.of):
            return None
        variants = filter(None, (question.content.base, question.content.tuned))
        profiles = (_profile(question, variant) for variant in variants)
        profile = next(filter(None, profiles), None)
        return None if profile is None else self._hits(question, profile, found)

    def _prepared(
        self,
        question: ChatQuestion,
        name: VariantName,
        reason: str,
        found: Found,
    ) -> PreparedVariant:
        content = question.content
        variant = content.tuned if name == "tuned" and content.tuned else content.base
        model = self._model(question, name, variant.model)
        retrieval = None if _is_alone(question, variant, model) else _profile(question, variant)
        if retrieval is None and model is None:
            raise ModelUnavailable(
                "This app has neither documents to answer from nor a language model. Give it a "
                "dataset, register a model with POST /v1/models, or set KB_LLM__MODEL."
            )
        talk = only_talk(question, is_modelled=model is not None) if retrieval else {}
        context, sources = None, None
        if retrieval is not None:
            hits = self._hits(question, retrieval, found)
            if talk:
                hits = [hit for hit in hits if is_headed(question.query, hit.chunk)]
            if talk and not hits:
                return courteous(question, talk, name, reason)
            numbered = [Source(n, hit) for n, hit in enumerate(hits, start=1)]
            context, sources = context_block(numbered, estimate_tokens, retrieval.context_tokens)
            context = fenced(context) if context else ""
        prepared = PreparedVariant(
            Route(name, reason if model else f"{reason}, extractive", _name(model)),
            filled(question, variant, variant.prompt, context, model),
            sources,
            price=model.price if model else Price(),
            found=found,
        )
        verdict = judged(_best(sources or ()), retrieval or Retrieval())
        verdict = "answered" if talk else verdict
        if sources is not None and content.refusal and verdict == "refused":
            refused = (TextPiece(content.refusal), EndPiece("refused", grounded=False))
            return replace(prepared, pieces=refused)
        if model is None:
            return replace(prepared, pieces=_quoted(question, sources or (), verdict))
        guarded = self._guarded(question, sources or ())
        is_weak = verdict != "answered"
        prepared = replace(prepared, model=model, guarded=guarded, is_weak=is_weak)
        if variant.draft_model is None:
            return prepared
        drafter = self._model(question, name, variant.draft_model)
        return _with_draft(question, variant, context, drafter, prepared)

    def _model(
        self, question: ChatQuestion, name: VariantName, model: str | None
    ) -> OpenModel | None:
        opened = self._models.find(question.scope, model)
        if opened is not None:
            if name == "tuned" and has_shut_down(opened.model):
                raise ShutDown(opened.model)
            opened.circuit.check()
        return opened

    def _guarded(self, question: ChatQuestion, sources: Sequence[Source]) -> Guarded:
        quotable = quotable_texts(question.app, question.content)
        indexes = [self._indexed(question.content, quotable)]
        if around := around_inputs(question.content, question.inputs):
            indexes.append(PromptIndex(around, quotable))
        asked = (question.query, *(turn.query for turn in question.history))
        asked = (question.request.instructions, *asked)
        given = (*asked, *question.inputs.values(), *_texts(sources), *question.earlier_sources)
        return Guarded(tuple(indexes), given, tuple(turn.answer for turn in question.history))

    def _hits(
        self,
        question: ChatQuestion,
        retrieval: Retrieval,
        found: Found,
    ) -> list[Hit]:
        if retrieval not in found:
            began = time.perf_counter()
            ids, given = question.dataset_ids, question.request.searched_in
            # The app may search its datasets, whoever asks: an app key sees none of its own.
            own = replace(question.scope, datasets=frozenset(ids))
            # A dataset that was deleted after publishing is the operator's affair.
            result = self._searcher.search(
                own,
                ids,
                question.search_query,
                retrieval,
                where=given.where if given else (),
                skip_missing=True,
            )
            hits = given.good_enough(result.hits) if given else result.hits
            took_ms = (time.perf_counter() - began) * 1000
            found[retrieval] = hits, took_ms, bool(result.notices)
        return found[retrieval][0]


def _prompt_index(content: AppContent, quotable: tuple[str, ...]) -> PromptIndex:
    return PromptIndex(hidden_texts(content), quotable)


def _best(sources: Sequence[Source]) -> float:
    return max((source.hit.score for source in sources), default=-1.0)


def _quoted(
    question: ChatQuestion, sources: Sequence[Source], verdict: Verdict
) -> tuple[Piece, ...]:
    """What the documents say; of a follow-up its own words lead."""
    searched = question.search_query
    leading = question.query if searched != question.query else ""
    pieces = extractive_answer(
        searched,
        sources,
        question.content.refusal,
        verdict=verdict,
        leading=leading,
        earlier=question.said_before,
    )
    return tuple(pieces)


def _with_draft(
    question: ChatQuestion,
    variant: Variant,
    context: str | None,
    drafter: OpenModel | None,
    prepared: PreparedVariant,
) -> PreparedVariant:
    """The same in two steps: another model drafts, or sentences of the documents are the draft."""
    finish = partial(filled, question, variant, variant.prompt, context, prepared.model)
    pieces = () if drafter else _quoted(question, prepared.sources or (), "answered")
    prompt = filled(question, variant, variant.draft_prompt, context, drafter)
    return replace(
        prepared,
        route=replace(prepared.route, draft_model=_name(drafter)),
        prompt=finish(""),
        draft=DraftStep(prompt, finish, drafter, tuple(pieces)),
    )


def _profile(question: ChatQuestion, variant: Variant) -> Retrieval | None:
    given = question.request.searched_in
    if not question.dataset_ids or question.request.is_plain or variant.retrieval is None:
        return None
    return given.narrowed(variant.retrieval) if given else variant.retrieval


def _is_alone(question: ChatQuestion, variant: Variant, model: OpenModel | None) -> bool:
    """Whether nothing that is found would be read: its model gets what it was trained on."""
    template = question.content.prompt if variant.prompt is None else variant.prompt
    is_read = variant.draft_model is not None
    return not is_read and is_as_trained(model.model if model else None, template)


def _name(model: OpenModel | None) -> str:
    return model.model.name if model else EXTRACTIVE


def _why(failure: ModelUnavailable) -> str:
    match failure:
        case CircuitOpen():
            return "circuit_open"
        case ShutDown():
            return "shut_down"
        case _:
            return "fallback"


def _texts(sources: Sequence[Source]) -> tuple[str, ...]:
    """What an answer may take from its sources word for word."""
    hits = [source.hit for source in sources]
    return tuple(
        text for hit in hits for text in (hit.document_name, hit.chunk.index_text, hit.chunk.text)
    )
