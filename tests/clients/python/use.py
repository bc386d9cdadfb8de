"""A chat, a search and a draft, written against the client that openapi-python-client makes."""

from knowledge_base_client import AuthenticatedClient
from knowledge_base_client.api.apps import get_draft
from knowledge_base_client.api.chat import chat
from knowledge_base_client.api.datasets import search
from knowledge_base_client.models import (
    AnswerResponse,
    ChatBody,
    ContentResponse,
    Problem,
    SearchBody,
    SearchResponse,
)


def ask(client: AuthenticatedClient, query: str) -> str:
    answer = chat.sync("shop", client=client, body=ChatBody(query=query, stream=False))
    if isinstance(answer, AnswerResponse):
        return f"{answer.answer} {[citation.quote for citation in answer.citations]}"
    return answer.detail if isinstance(answer, Problem) else ""


def find(client: AuthenticatedClient, query: str) -> list[tuple[str, float]]:
    found = search.sync("ds", client=client, body=SearchBody(query=query, top_k=3))
    assert isinstance(found, SearchResponse)
    return [(hit.text, hit.score) for hit in found.hits]


def read(client: AuthenticatedClient) -> str:
    draft = get_draft.sync("shop", client=client)
    assert isinstance(draft, ContentResponse)
    print(draft.promt)  # type: ignore[attr-defined]  # an unused one is an error
    return draft.prompt
