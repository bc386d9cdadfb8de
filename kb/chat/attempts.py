"""What one variant of an app needs to answer a question: its hits, its own prompt, its model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from kb.chat.asking import Asked
from kb.chat.catalog import Catalog
from kb.chat.prompting import build_prompt, context_block
from kb.chat.tokens import estimate_tokens
from kb.errors import ModelUnavailable
from kb.protocols import Answerer, Question
from kb.search.searching import Searcher
from kb.store import datasets
from kb.store.database import Database
from kb.types import Hit, Retrieval, Route, Source, VariantName


@dataclass(frozen=True, slots=True)
class Attempt:
    """One variant, ready to answer. `searched` is False in plain chat."""

    route: Route
    question: Question
    answerer: Answerer
    searched: bool
    search_ms: float
    price_in: float | None = None
    price_out: float | None = None
    refusal: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the app's own refusal answers, because nothing was found; no model is asked."""
        return self.searched and bool(self.refusal) and not self.question.sources


class Attempts:
    """Prepares attempts: searches with the variant's own settings and fills its hidden prompt."""

    def __init__(self, database: Database, searcher: Searcher, catalog: Catalog) -> None:
        self._database = database
        self._searcher = searcher
        self._catalog = catalog

    def first(self, asked: Asked, name: VariantName, reason: str) -> Attempt:
        """The attempt of the chosen variant, of base if the tuned model cannot even be opened."""
        try:
            return self._attempt(asked, name, reason)
        except ModelUnavailable:
            if name == "base":
                raise
            return self._attempt(asked, "base", "fallback")

    def fallback(self, asked: Asked, name: VariantName) -> Callable[[], Attempt] | None:
        """How to go on if that variant fails before its first token; None if there is no way."""
        if name == "base":
            return None
        return lambda: self._attempt(asked, "base", "fallback")

    def _attempt(self, asked: Asked, name: VariantName, reason: str) -> Attempt:
        chosen = asked.content.tuned if name == "tuned" else asked.content.base
        variant = chosen or asked.content.base
        retrieval = variant.retrieval if asked.content.dataset_ids else None
        began = time.perf_counter()
        hits = self._hits(asked, retrieval)
        search_ms = (time.perf_counter() - began) * 1000
        served = self._catalog.serve(asked.scope, variant.model)
        if retrieval is None and served.is_extractive:
            raise ModelUnavailable(
                "This app has neither documents to answer from nor a language model. Give it a "
                "dataset, register a model with POST /v1/models, or set KB_LLM__MODEL."
            )
        context, sources = _context(hits, retrieval)
        prompt = build_prompt(
            variant.prompt if variant.prompt is not None else asked.content.prompt,
            asked.query,
            context=context,
            history=asked.history,
            inputs=asked.inputs,
            temperature=variant.temperature,
            max_tokens=variant.max_tokens,
        )
        return Attempt(
            route=Route(name, _reason(reason, served.is_extractive), served.name),
            question=Question(asked.query, sources, prompt),
            answerer=served.answerer,
            searched=retrieval is not None,
            search_ms=search_ms,
            price_in=served.price_in,
            price_out=served.price_out,
            refusal=asked.content.refusal,
        )

    def _hits(self, asked: Asked, retrieval: Retrieval | None) -> list[Hit]:
        if retrieval is None:
            return []
        # The app may search its datasets, whoever asks: an app key sees no dataset of its own.
        own = replace(asked.scope, datasets=frozenset(asked.content.dataset_ids))
        # A dataset that was deleted after publishing is the operator's affair, not the asker's.
        left = self._database.reading(datasets.existing, own, asked.content.dataset_ids)
        return self._searcher.search(own, left, asked.query, retrieval)


def _context(hits: list[Hit], retrieval: Retrieval | None) -> tuple[str | None, tuple[Source, ...]]:
    if retrieval is None:
        return None, ()
    numbered = [Source(n, hit) for n, hit in enumerate(hits, start=1)]
    return context_block(numbered, estimate_tokens, retrieval.context_tokens)


def _reason(reason: str, is_extractive: bool) -> str:
    return f"{reason}, extractive" if is_extractive else reason
