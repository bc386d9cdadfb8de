"""Finding a pattern in the pages of documents, word for word, as `grep` does in files.

Patterns are RE2's: it takes linear time and bounded memory whatever the pattern, so that strangers
may bring them into the server's own process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kb.errors import Rejected
from kb.store.content import documents, pages
from kb.store.engine.database import Database
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.types import Document, Page, Scope, Span

PATTERN_BYTES = 8 << 20
"""Most memory for a compiled pattern: RE2's own default."""

MOST_SECONDS = 5.0
"""How long one call reads; what is left is read by the next, from its cursor on."""

AROUND = 120
"""Characters shown on either side of a match, within its line."""

DOCUMENTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Match:
    """A match, and its line or what is around it."""

    document: Document
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found; `next` is the cursor of the rest, None at the end."""

    matches: tuple[Match, ...]
    next: str | None


class Grep:
    """Looks for one pattern. Thread-safe.

    Raises:
        Rejected: the pattern is not valid, or too large.
    """

    def __init__(self, database: Database, pattern: str, *, ignores_case: bool, limit: int) -> None:
        self._database = database
        self._pattern = _compiled(pattern, ignores_case=ignores_case)
        self._limit = limit

    def in_document(self, scope: Scope, document_id: str, cursor: str | None = None) -> Matches:
        """The matches of one document from the page of the cursor on. Raises NotFound."""
        document = self._database.reading(documents.get, scope, document_id)
        found: list[Match] = []
        for page in self._pages(scope, document_id, cursor):
            if len(found) >= self._limit:
                return Matches(tuple(found), str(page.number - 1))
            found += self._on(document, page)
        return Matches(tuple(found), None)

    def in_dataset(self, scope: Scope, dataset_id: str, cursor: str | None = None) -> Matches:
        """The matches in what answers, from the document behind the cursor on. Raises NotFound."""
        began, found = time.monotonic(), list[Match]()
        while True:
            asked = PageRequest(DOCUMENTS_AT_ONCE, cursor)
            listed = self._database.reading(documents.answering, scope, asked, dataset_id)
            for document in listed.data:
                if len(found) >= self._limit or time.monotonic() - began > MOST_SECONDS:
                    return Matches(tuple(found), cursor)
                for page in self._pages(scope, document.id, None):
                    found += self._on(document, page)
                cursor = document.id
            if listed.next is None:
                return Matches(tuple(found), None)

    def _pages(self, scope: Scope, document_id: str, cursor: str | None) -> Iterator[Page]:
        while True:
            asked = PageRequest(MAX_LIMIT, cursor)
            listed = self._database.reading(pages.of_document, scope, document_id, asked)
            yield from listed.data
            if listed.next is None:
                return
            cursor = listed.next

    def _on(self, document: Document, page: Page) -> Iterator[Match]:
        for match in self._pattern.finditer(page.text):
            start, end = match.span()
            if end > start:
                yield Match(document, Span(page.number, start, end), _around(page.text, start, end))


def _compiled(pattern: str, *, ignores_case: bool) -> Any:
    import re2  # only agents need it

    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.case_sensitive = not ignores_case
    options.log_errors = False
    try:
        return re2.compile(f"(?m){pattern}", options)
    except re2.error as exc:
        reason = exc.args[0].decode("utf-8", "replace") if exc.args else "it is not valid"
        raise Rejected(f"The pattern cannot be used: {reason[:200]}.") from exc


def _around(text: str, start: int, end: int) -> str:
    """The line of a match, cut where it is long."""
    first = max(text.rfind("\n", 0, start) + 1, start - AROUND)
    last = text.find("\n", end)
    return text[first : min(len(text) if last < 0 else last, end + AROUND)].strip()
