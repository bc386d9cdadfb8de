"""What agents send to each tool. Descriptions are read by models: each says what it is good for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.resources.fields import Body, Id, Name, Text

Cursor = Annotated[Text | None, Field(max_length=200)]


class SearchArguments(Body):
    """Find passages that fit a question or keywords, in any language. No model is asked."""

    query: Annotated[Text, Field(min_length=1, max_length=8000)]
    dataset_id: Id | None = None
    """One dataset; without it all that the key may search."""
    top_k: Annotated[int, Field(ge=1, le=50)] = 8


class FetchArguments(Body):
    """The whole text behind a search result: its page, or a document from its first page on."""

    id: Annotated[Text, Field(min_length=1, max_length=200)]
    """An `id` of a search result, or a document's."""


class ListArguments(Body):
    """The datasets and apps that the key opens; of a dataset its documents."""

    dataset_id: Id | None = None
    name: Annotated[Text | None, Field(max_length=200)] = None
    """Only documents whose names hold this."""
    cursor: Cursor = None
    """`next` of the answer before."""


class ReadArguments(Body):
    """Read a document page by page, or characters of a page."""

    document_id: Id
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    pages: Annotated[int, Field(ge=1, le=50)] = 1
    start: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    """From this character of the first page on."""
    end: Annotated[int | None, Field(ge=0, le=1 << 31)] = None
    """Up to this character of the last page."""


class GrepArguments(Body):
    """Find a regular expression (RE2) in the documents of a dataset, or in one document."""

    pattern: Annotated[Text, Field(min_length=1, max_length=1000)]
    dataset_id: Id | None = None
    document_id: Id | None = None
    ignore_case: bool = True
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor = None
    """`next` of the answer before."""


class AskArguments(Body):
    """Ask an app: an answer with citations."""

    question: Annotated[Text, Field(min_length=1, max_length=32_000)]
    app: Id | None = None
    """Its slug; not needed where the key opens one app only."""


class UploadArguments(Body):
    """Add a document, or replace the one of the same name. It can be searched once it is ready."""

    dataset_id: Id
    name: Name
    """With its ending, such as `notes.md`."""
    text: Text
