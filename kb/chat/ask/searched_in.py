"""A question that says itself where it is searched, instead of in the datasets of its app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.errors import Rejected
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.types import Clause, Hit, Retrieval, Scope


@dataclass(frozen=True, slots=True)
class SearchedIn:
    """The datasets, which of their documents, and how many of their passages; None: as the app.

    Where the app's profile asks no reranking model, `rerank` does not either.
    """

    dataset_ids: tuple[str, ...]
    where: tuple[Clause, ...] = ()
    top_k: int | None = None
    min_score: float = 0.0
    rerank: bool = True

    def check(
        self, tx: Transaction, scope: Scope, of_app: Sequence[str], *, model: str | None
    ) -> None:
        """Whoever may ask the app may search what it searches; else the key must open it.

        Raises:
            NotFound: a dataset is absent or not visible.
            Rejected: a model is asked without an app.
        """
        if model is not None:
            raise Rejected(f"{model!r} answers without documents. Ask an app to search for it.")
        for dataset_id in self.dataset_ids:
            if dataset_id not in of_app:
                datasets.get(tx, scope, dataset_id)

    def narrowed(self, retrieval: Retrieval) -> Retrieval:
        """How the app looks for passages, with as many as are asked for."""
        top_k = retrieval.top_k if self.top_k is None else self.top_k
        return replace(retrieval, top_k=top_k, rerank=retrieval.rerank and self.rerank)

    def good_enough(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits with the score that is asked for."""
        return [hit for hit in hits if hit.score >= self.min_score]
