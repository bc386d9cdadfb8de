"""What one variant of an app needs to answer a question: its hits, its own prompt, its model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from kb.apps.model_retirement import ShutDown, has_shut_down
from kb.chat.ask.asking import Asked
from kb.chat.ask.catalog import Catalog, Served
from kb.chat.ask.prompting import build_prompt, context_block
from kb.chat.ask.routing import Evidence
from kb.chat.guard.gate import Guarded
from kb.chat.guard.index import PromptIndex
from kb.chat.guard.texts import around_inputs, hidden_texts, quotable_texts
from kb.chat.run.sequence import SequenceAnswerer
from kb.errors import ModelUnavailable
from kb.models.llm.circuit import CircuitOpen
from kb.models.llm.extractive import ExtractiveAnswerer
from kb.protocols import Answerer, Prompt, Question
from kb.search.calibration import LEAST_SCORE
from kb.search.searching import Searcher
from kb.store.content import datasets
from kb.store.engine.database import Database
from kb.text.token_estimate import estimate_tokens
from kb.types import Hit, Retrieval, Route, Source, Variant, VariantName

Prices = tuple[float | None, float | None]
"""Money per million tokens, in and out."""

PROMPTS_INDEXED = 16
"""Versions of apps whose prompts are kept ready for the gate; each takes about 270 bytes a
character."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """The first of two models in sequence: what it is sent and what it costs."""

    prompt: Prompt
    prices: Prices
    is_extractive: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One variant, ready to answer. `searched` is False in plain chat.

    `refusal` is the app's own, if it has one; `least_score` what the best source must reach then.
    """

    route: Route
    question: Question
    answerer: Answerer
    searched: bool
    search_ms: float
    prices: Prices = (None, None)
    refusal: str = ""
    least_score: float = LEAST_SCORE
    drafting: Drafting | None = None
    guarded: Guarded | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the app's own refusal answers, for want of evidence; no model is asked."""
        best = max((source.hit.score for source in self.question.sources), default=-1.0)
        return self.searched and bool(self.refusal) and best < self.least_score


class Attempts:
    """Makes ready what may be tried for a question."""

    def __init__(self, database: Database, searcher: Searcher, catalog: Catalog) -> None:
        self._database = database
        self._searcher = searcher
        self._catalog = catalog
        self._indexed = lru_cache(maxsize=PROMPTS_INDEXED)(PromptIndex)

    def of(self, asked: Asked) -> Preparation:
        """What may be tried for one question; nothing is searched yet."""
        return Preparation(asked, self._catalog, partial(self._hits, asked), self._guarded(asked))

    def _guarded(self, asked: Asked) -> Guarded:
        quotable = quotable_texts(asked.app, asked.content)
        indexes = [self._indexed(hidden_texts(asked.content), quotable)]
        if around := around_inputs(asked.content, asked.inputs):
            indexes.append(PromptIndex(around, quotable))
        given = (asked.query, *asked.inputs.values())
        return Guarded(tuple(indexes), given, asked.said)

    def _hits(self, asked: Asked, retrieval: Retrieval) -> list[Hit]:
        # The app may search its datasets, whoever asks: an app key sees no dataset of its own.
        own = replace(asked.scope, datasets=frozenset(asked.content.dataset_ids))
        # A dataset that was deleted after publishing is the operator's affair, not the asker's.
        left = self._database.reading(datasets.existing, own, asked.content.dataset_ids)
        return self._searcher.search(own, left, asked.search.query, retrieval)


class Preparation:
    """The attempts at one question: each searches with its variant's own settings and fills its
    own hidden prompt. What was searched with the same settings before is not searched again."""

    def __init__(
        self,
        asked: Asked,
        catalog: Catalog,
        search: Callable[[Retrieval], list[Hit]],
        guarded: Guarded,
    ) -> None:
        self._asked = asked
        self._catalog = catalog
        self._search = search
        self._guarded = guarded
        self._found: dict[Retrieval, list[Hit]] = {}
        self._search_ms = 0.0
        self._turn = threading.Lock()

    def look(self) -> Evidence | None:
        """What a rule may know: the best hit with the base variant's settings, else the tuned
        one's; None where neither searches."""
        content = self._asked.content
        variants = filter(None, (content.base, content.tuned))
        wanted = [profile for v in variants if (profile := self._profile(v)) is not None]
        if not wanted:
            return None
        hits = self._hits(wanted[0])
        return Evidence(hits[0].dataset_id, hits[0].score) if hits else Evidence()

    def first(self, name: VariantName, reason: str) -> Attempt:
        """The attempt of the chosen variant, of base if the tuned model cannot even be asked."""
        try:
            return self._attempt(name, reason)
        except ModelUnavailable as failure:
            if name == "base":
                raise
            return self._attempt("base", _why(failure))

    def fallback(self, name: VariantName) -> Callable[[ModelUnavailable], Attempt] | None:
        """How to go on if that variant fails before its first token; None if there is no way."""
        if name == "base":
            return None
        return lambda failure: self._attempt("base", _why(failure))

    def _attempt(self, name: VariantName, reason: str) -> Attempt:
        content = self._asked.content
        variant = content.tuned if name == "tuned" and content.tuned else content.base
        served = self._served(name, variant.model)
        drafter = None
        if variant.draft_model is not None and not served.is_extractive:
            drafter = self._served(name, variant.draft_model)
        retrieval = self._profile(variant)
        if retrieval is None and served.is_extractive:
            raise ModelUnavailable(
                "This app has neither documents to answer from nor a language model. Give it a "
                "dataset, register a model with POST /v1/models, or set KB_LLM__MODEL."
            )
        context, sources = _context(self._hits(retrieval), retrieval)
        attempt = Attempt(
            route=Route(name, _reason(reason, served.is_extractive), served.name),
            question=Question(
                self._asked.search.query, sources, self._prompt(variant, variant.prompt, context)
            ),
            answerer=_answerer(served, content.refusal),
            searched=retrieval is not None,
            search_ms=self._search_ms,
            prices=served.prices,
            refusal=content.refusal,
            least_score=(retrieval and retrieval.min_score) or LEAST_SCORE,
            guarded=None if served.is_extractive else self._guarded.allowing(_quotable(sources)),
        )
        return attempt if drafter is None else self._in_sequence(attempt, variant, drafter, context)

    def _in_sequence(
        self, attempt: Attempt, variant: Variant, drafter: Served, context: str | None
    ) -> Attempt:
        drafting = self._prompt(variant, variant.draft_prompt, context)
        finishing = partial(self._prompt, variant, variant.prompt, context)
        return replace(
            attempt,
            route=replace(attempt.route, draft_model=drafter.name),
            question=replace(attempt.question, prompt=finishing("")),
            answerer=SequenceAnswerer(drafter.answerer, drafting, attempt.answerer, finishing),
            drafting=Drafting(drafting, drafter.prices, drafter.is_extractive),
        )

    def _prompt(
        self, variant: Variant, template: str | None, context: str | None, draft: str | None = None
    ) -> Prompt:
        return build_prompt(
            template if template is not None else self._asked.content.prompt,
            self._asked.query,
            context=context,
            draft=draft,
            history=self._asked.history,
            inputs=self._asked.inputs,
            temperature=variant.temperature,
            max_tokens=variant.max_tokens,
        )

    def _served(self, name: VariantName, model: str | None) -> Served:
        served = self._catalog.serve(self._asked.scope, model)
        if name == "tuned" and served.opened and has_shut_down(served.opened.model):
            raise ShutDown(served.opened.model)
        served.check_circuit()
        return served

    def _profile(self, variant: Variant) -> Retrieval | None:
        return variant.retrieval if self._asked.content.dataset_ids else None

    def _hits(self, retrieval: Retrieval | None) -> list[Hit]:
        if retrieval is None:
            return []
        with self._turn:
            if retrieval not in self._found:
                began = time.perf_counter()
                self._found[retrieval] = self._search(retrieval)
                self._search_ms += (time.perf_counter() - began) * 1000
            return self._found[retrieval]


def _context(hits: list[Hit], retrieval: Retrieval | None) -> tuple[str | None, tuple[Source, ...]]:
    if retrieval is None:
        return None, ()
    numbered = [Source(n, hit) for n, hit in enumerate(hits, start=1)]
    return context_block(numbered, estimate_tokens, retrieval.context_tokens)


def _answerer(served: Served, refusal: str) -> Answerer:
    return ExtractiveAnswerer(refusal) if served.is_extractive else served.answerer


def _reason(reason: str, is_extractive: bool) -> str:
    return f"{reason}, extractive" if is_extractive else reason


def _why(failure: ModelUnavailable) -> str:
    match failure:
        case CircuitOpen():
            return "circuit_open"
        case ShutDown():
            return "shut_down"
        case _:
            return "fallback"


def _quotable(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """What an answer may take from its sources word for word."""
    hits = [source.hit for source in sources]
    return tuple(
        text for hit in hits for text in (hit.document_name, hit.chunk.index_text, hit.chunk.text)
    )
