"""What a dataset offers to tune its search with: its passages, and questions about them.

Questions come from a file, are made of the passages, and are those whose answers people liked: the
passages that such an answer cites answer its question. All is asked of the server's own API.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from client.http import Client
from eval.generate.generating import FEWEST_CHARACTERS, Say, questions_of
from eval.types import Question
from tune.retrieval.pairs import Asked, Passage, Passages, rows
from tune.types import TrainingRow

CANDIDATES = 10
"""Hits among which a passage to tell apart is looked for."""
Chunk = Mapping[str, Any]


def chunks_of(client: Client, dataset_id: str) -> list[dict[str, Any]]:
    """Every chunk that answers now, as the API tells it, with the `document_name`."""
    documents = client.every(f"/v1/datasets/{dataset_id}/documents")
    return [
        {**chunk, "document_name": document["name"]}
        for document in documents
        if document["status"] == "ready"
        for chunk in client.every(f"/v1/documents/{document['id']}/chunks")
    ]


def passages_of(chunks: Iterable[Chunk]) -> Passages:
    """The chunks as what is embedded."""
    return Passages({chunk["id"]: _passage(chunk) for chunk in chunks})


def asked_of(
    client: Client,
    chunks: list[dict[str, Any]],
    passages: Passages,
    given: Iterable[Question],
    *,
    count: int,
    say: Say | None = None,
) -> list[Asked]:
    """Questions with their passages: given ones, liked ones, and up to `count` made of passages."""
    choose = random.Random(0)
    worth = [each for each in chunks if len(each["text"]) >= FEWEST_CHARACTERS]
    worth = [each for each in choose.sample(worth, len(worth)) if len(each["spans"]) == 1]
    made = questions_of(worth, count, say) if count else []
    found = [passages.asked(question) for question in given]
    found += [passages.asked(question, "generated") for question in made]
    every = [*(each for each in found if each), *_liked(client, passages)]
    return list({each.text: each for each in every}.values())


def training_rows(
    client: Client, dataset_id: str, asked: Iterable[Asked], passages: Passages
) -> list[TrainingRow]:
    """A row per question, with what our own search takes for its passage though it is not."""

    def search(question: str) -> list[str]:
        body = {"query": question, "top_k": CANDIDATES}
        hits = client.send("POST", f"/v1/datasets/{dataset_id}/search", body)["hits"]
        return [hit["chunk_id"] for hit in hits]

    return rows(asked, passages, search)


def _liked(client: Client, passages: Passages) -> Iterator[Asked]:
    """The questions of liked answers that cite passages of the dataset."""
    for app in client.every("/v1/apps"):
        opinions = client.every(f"/v1/apps/{app['slug']}/feedback", rating="like")
        liked = {opinion["message_id"] for opinion in opinions}
        for talk in client.every("/v1/conversations", app=app["slug"]) if liked else ():
            for message in client.every(f"/v1/conversations/{talk['id']}/messages"):
                cited = {each["chunk_id"] for each in message["citations"]}
                own = frozenset(cited & passages.of_id.keys())
                if message["id"] in liked and own:
                    text = message["search_query"] or message["query"]
                    yield Asked(text, own, origin="feedback")


def _passage(chunk: Chunk) -> Passage:
    spans = tuple((span["page"], span["start"], span["end"]) for span in chunk["spans"])
    return Passage(chunk["id"], chunk["document_name"], chunk["index"], chunk["index_text"], spans)
