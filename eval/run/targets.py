"""What is asked: the search of a dataset, or a version of an app; both over the HTTP API."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from client.errors import RequestFailed
from client.http import Client
from eval.types import AppAnswer, FoundPassage, LeftOut, Question, TargetResponse
from kb.errors import Rejected
from kb.types import SearchMode, Span
from kb.types.apps import VariantName

EVALUATOR = "kb-eval"
"""The end user in whose name apps are asked, so that no other's conversations are touched."""


class EvaluationTarget(ABC):
    """Something that questions can be put to; `name` is how the report calls it."""

    def __init__(self, client: Client, name: str, path: str, fields: Mapping[str, Any]) -> None:
        self.name = name
        self._client = client
        self._path = path
        self._fields = fields

    def ask(self, question: Question) -> TargetResponse:
        """Put one question; a failure is a `TargetResponse` with an `error`."""
        body = {"query": question.text, **self._fields}
        began = time.perf_counter()
        try:
            said = self._client.send("POST", self._path, body)
        except RequestFailed as exc:
            return TargetResponse(error=exc.detail)
        took_ms = (time.perf_counter() - began) * 1000
        return replace(self._response(question, said), took_ms=took_ms)

    @abstractmethod
    def _response(self, question: Question, said: Mapping[str, Any]) -> TargetResponse: ...


class DatasetTarget(EvaluationTarget):
    """The search of a dataset: hits, with why each was found.

    Args:
        client: with an admin key, for the reasons of a hit are asked for.
        dataset: its name, or name@generation for one that does not answer (yet).
        mode: how to search.
        top_k: how many hits to ask for.

    Raises:
        DatasetNotFound: there is no dataset of that name.
        RequestFailed: it has no such generation.
    """

    def __init__(
        self, client: Client, dataset: str, *, mode: SearchMode = "hybrid", top_k: int
    ) -> None:
        name = dataset if mode == "hybrid" else f"{dataset} ({mode})"
        identifier, generation = _generation(client, dataset)
        fields: dict[str, Any] = {"mode": mode, "top_k": top_k, "explain": True}
        if generation is not None:
            fields["generation"] = generation
        super().__init__(client, name, f"/v1/datasets/{identifier}/search", fields)

    def _response(self, question: Question, said: Mapping[str, Any]) -> TargetResponse:
        wanted = {part.document for part in question.relevant}
        left_out = [
            LeftOut(item["document_name"], item["score"], item["dropped"], item["why"])
            for item in said["considered"]
            if item["document_name"] in wanted
        ]
        return TargetResponse(hits=[found_of(hit) for hit in said["hits"]], left_out=left_out)


class AppTarget(EvaluationTarget):
    """A version of an app: the whole answer, with the passages that it had to answer from.

    Each question is a conversation of its own, deleted when answered.

    Args:
        client: with an admin key, for it may ask versions that are not published.
        app: a slug, or slug@version.
        route: the variant that must answer: an answer of the other one is an error. None leaves it
            to the app.
        is_plain: asks without a search.
        name: how the report calls it; None takes `app`.

    Raises:
        Rejected: what stands behind @ is not a number.
        RequestFailed: there is no such app.
    """

    def __init__(
        self,
        client: Client,
        app: str,
        *,
        route: VariantName | None = None,
        is_plain: bool = False,
        name: str | None = None,
    ) -> None:
        slug, _, version = app.partition("@")
        if version and not version.isdecimal():
            raise Rejected(f"{app!r} is not slug@version: the version is a number.")
        client.get(f"/v1/apps/{slug}")
        fields: dict[str, Any] = {"stream": False, "user": EVALUATOR, "plain": is_plain}
        if version:
            fields["version"] = int(version)
        if route is not None:
            fields["route"] = route
        super().__init__(client, name or app, f"/v1/apps/{slug}/chat", fields)

    def _response(self, question: Question, said: Mapping[str, Any]) -> TargetResponse:
        path = f"/v1/conversations/{said['conversation_id']}"
        self._client.send("DELETE", path, user=EVALUATOR)
        hits = [found_of(source) for source in said["sources"]]
        if "route" in self._fields and said["route"]["reason"] != "requested":
            route = said["route"]
            reason = f"{route['variant']} answered ({route['reason']}), not {self._fields['route']}"
            return TargetResponse(hits=hits, error=reason)
        return TargetResponse(hits=hits, answer=_answer(said))


def _generation(client: Client, text: str) -> tuple[str, int | None]:
    """Id and generation of NAME@GENERATION; None means the live one. A name may hold an @ too."""
    name, _, number = text.rpartition("@")
    listed = {item["name"]: item["id"] for item in client.every("/v1/datasets")}
    if text in listed or name not in listed or not number.isdecimal():
        return client.dataset(text)["id"], None
    client.get(f"/v1/datasets/{listed[name]}/generations/{number}")
    return listed[name], int(number)


def found_of(raw: Mapping[str, Any]) -> FoundPassage:
    """A hit or a numbered source of an answer, from its JSON."""
    spans = raw.get("spans") or [raw]
    return FoundPassage(
        document=raw["document_name"],
        text=raw["text"],
        spans=tuple(Span(span["page"], span["start"], span["end"]) for span in spans),
        score=raw.get("score", 0.0),
        heading=raw.get("heading", ""),
        why=raw.get("why", {}),
        document_id=raw.get("document_id", ""),
    )


def _answer(said: Mapping[str, Any]) -> AppAnswer:
    citations = [found_of({**item, "text": item["quote"]}) for item in said["citations"]]
    # A model is told to cite; when it cites nothing, it has said that there is nothing.
    is_refusal = said["finish_reason"] == "refused" or said["grounded"] is False
    return AppAnswer(
        said["answer"],
        citations,
        is_refusal,
        said["route"]["model"],
        None if said["grounded"] is None else said["grounded"] is True,
        said["usage"]["prompt_tokens"],
        said["usage"]["completion_tokens"],
        said.get("cost"),
        said["timings_ms"]["first_token"],
    )
