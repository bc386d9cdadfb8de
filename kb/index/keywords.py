"""BM25 through tantivy: one folder per dataset and generation.

Our own terms go in, joined by spaces, so that documents and questions are cut by the same code;
a question becomes a set of term queries and is never parsed, because people type syntax
characters. Ids only: the words live in SQL.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tantivy

from kb.errors import Unavailable
from kb.index.folders import IndexFolders, IndexLibrary
from kb.index.health import IndexHealth
from kb.index.open_indexes import Absent
from kb.protocols import Frequencies, IndexKey, Scored
from kb.text.terms import query_terms, terms

# Stored in the schema: an index cut by other rules is then refused as damaged, and so rebuilt.
# Count up whenever kb/text/terms.py yields other terms.
TERMS_VERSION = "terms3"
# The least tantivy takes; a full buffer is flushed, so more only saves merging.
WRITER_BYTES = 15_000_000
# Rarer terms decide the ranking; a pasted page must not become a thousand lookups. Recall of 200
# questions each of SQuAD dev and CMRC 2018 is that without a limit with 16, too.
MAX_QUERY_TERMS = 64
SAMPLED = 50
"""Rows of each segment, at least if it has them, that a check looks up by their words."""


@dataclass(frozen=True, slots=True)
class _OpenKeywords:
    index: tantivy.Index
    writing: threading.Lock = field(default_factory=threading.Lock)


class TantivyKeywords:
    """A `KeywordIndex` in `root/<dataset>/g<generation>/keywords`. Thread-safe.

    Every method may raise IndexDamaged (drop the index and feed it again) and StorageFull.
    """

    def __init__(self, root: Path, *, open_limit: int, health: IndexHealth | None = None) -> None:
        """Keep at most `open_limit` folders open."""
        # tantivy reports everything as ValueError.
        library = IndexLibrary("keyword", (ValueError,), _opened, _close)
        self._folders = IndexFolders(root, library, open_limit=open_limit, health=health)

    def upsert(self, key: IndexKey, chunks: Iterable[tuple[str, str]]) -> None:
        """Add or overwrite (chunk id, index_text) pairs in one commit; the last of an id counts."""
        bodies = dict(chunks)
        if not bodies:
            return
        with self._folders.lent(key, create=True) as folder:
            _write(folder, bodies)

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget chunks; unknown ids and a missing folder are ignored."""
        with (
            suppress(Absent),
            self._folders.lent(key, change=True) as folder,
            _writing(folder) as writer,
        ):
            for chunk_id in chunk_ids:
                writer.delete_documents_by_term("id", chunk_id)

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches of any term of the text, best first, score = BM25 (> 0)."""
        weights = query_terms(text)
        if limit < 1 or not weights:
            return []
        with suppress(Absent), self._folders.lent(key) as folder:
            searcher = folder.index.searcher()
            known = _rarest(searcher, weights)
            return _hits(searcher, _any_of(folder.index.schema, known), limit) if known else []
        return []

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are; nothing for a missing folder."""
        with suppress(Absent), self._folders.lent(key) as folder:
            searcher = folder.index.searcher()
            holding = {term: searcher.doc_freq("body", term) for term in query_terms(text)}
            return Frequencies(searcher.num_docs, holding)
        return Frequencies()

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held."""
        with suppress(Absent), self._folders.lent(key) as folder:
            searcher = folder.index.searcher()
            return {_id(searcher, address) for address in _addresses(searcher)}
        return set()

    def sample(self, key: IndexKey) -> set[str]:
        """Some of the chunk ids held, of every segment."""
        with suppress(Absent), self._folders.lent(key) as folder:
            searcher = folder.index.searcher()
            segments: dict[int, list[tantivy.DocAddress]] = {}
            for address in _addresses(searcher):
                segments.setdefault(address.segment_ord, []).append(address)
            return {
                _id(searcher, address)
                for own in segments.values()
                for address in own[:: max(1, len(own) // SAMPLED)]
            }
        return set()

    def finds(self, key: IndexKey, chunk_id: str, text: str) -> bool:
        """Whether a chunk is found by its id and the terms of its index_text together."""
        with suppress(Absent), self._folders.lent(key) as folder:
            query, must = tantivy.Query, tantivy.Occur.Must
            asked = [("id", chunk_id), *(("body", term) for term in set(terms(text)))]
            schema = folder.index.schema
            parts = [(must, query.term_query(schema, field, term)) for field, term in asked]
            found = _hits(folder.index.searcher(), query.boolean_query(parts), 2)
            return [hit.chunk_id for hit in found] == [chunk_id]
        return False

    def drop(self, key: IndexKey) -> None:
        """Close the folder and remove it from disk."""
        self._folders.drop(key)

    def rebuild_beside(self, key: IndexKey, parts: Iterable[Iterable[tuple[str, str]]]) -> None:
        """Make the index anew of (chunk id, index_text) pairs; the present one answers until it is
        done."""
        with self._folders.rebuilt(key) as opened:
            for part in parts:
                _write(opened(), dict(part))

    def close(self) -> None:
        """Release every open folder."""
        self._folders.close()


@cache
def self_test() -> None:
    """Find a sentence of each kind of script again, in memory: once per process, about 20 ms.

    Libraries that cut words in another way would find nothing without a sign of it.

    Raises:
        Unavailable: a sentence is not found, or one is found that is not meant.
    """
    folder = _opened(None)
    _write(folder, {text: text for text, _ in _KNOWN})
    for text, question in _KNOWN:
        known = _rarest(folder.index.searcher(), query_terms(question))
        query = _any_of(folder.index.schema, known)
        if [hit.chunk_id for hit in _hits(folder.index.searcher(), query, 9)] != [text]:
            raise Unavailable(
                f"The search for words does not work here: {question!r} does not find {text!r}. "
                "Install the versions of requirements.lock."
            )


_KNOWN = (
    ("Uploads are searchable within seconds.", "a searchable upload"),
    ("Überweisungen brauchen zwei Tage.", "uberweisungen"),
    ("劳动者可以解除劳动合同。", "劳动合同"),
    ("東京都の公園は静かです。", "公園"),
    ("한국어 문서를 찾습니다.", "문서"),
    ("ภาษาไทยไม่มีช่องว่าง", "ไทย"),
)
"""Sentences, and questions that find these and no others."""


def _opened(path: Path | None) -> _OpenKeywords:
    """The index in a folder, made if it is empty; None makes one in memory."""
    schema = (
        tantivy.SchemaBuilder()
        .add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        .add_text_field("body", tokenizer_name=TERMS_VERSION, index_option="freq")
        .build()
    )
    index = tantivy.Index(schema, None if path is None else str(path))
    splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(TERMS_VERSION, splitter)
    index.config_reader("manual")  # the default starts a thread per index that watches the folder
    return _OpenKeywords(index)


def _write(folder: _OpenKeywords, texts: Mapping[str, str]) -> None:
    """Add or overwrite chunk id → index_text in one commit."""
    with _writing(folder) as writer:
        for chunk_id, text in texts.items():
            writer.delete_documents_by_term("id", chunk_id)
            writer.add_document(tantivy.Document(id=chunk_id, body=" ".join(terms(text))))


def _close(folder: _OpenKeywords) -> None:
    """Nothing to do: writers live for one commit, and files are mapped, not held open."""


@contextmanager
def _writing(folder: _OpenKeywords) -> Iterator[tantivy.IndexWriter]:
    """A writer for one commit; waiting for its merges leaves no thread and no lock behind."""
    with folder.writing:
        writer = folder.index.writer(WRITER_BYTES, 1)
        try:
            yield writer
            writer.commit()
        finally:
            writer.wait_merging_threads()
        folder.index.reload()


def _rarest(searcher: tantivy.Searcher, weights: Mapping[str, float]) -> dict[str, float]:
    counts = {term: searcher.doc_freq("body", term) for term in weights}
    known = sorted((term for term in weights if counts[term]), key=counts.__getitem__)
    return {term: weights[term] for term in known[:MAX_QUERY_TERMS]}


def _any_of(schema: tantivy.Schema, weights: dict[str, float]) -> tantivy.Query:
    query = tantivy.Query
    return query.boolean_query(
        [
            (
                tantivy.Occur.Should,
                query.boost_query(query.term_query(schema, "body", term, "freq"), weight),
            )
            for term, weight in weights.items()
        ]
    )


def _hits(searcher: tantivy.Searcher, query: tantivy.Query, limit: int) -> list[Scored]:
    found = searcher.search(query, limit, count=False).hits
    return [Scored(_id(searcher, address), score) for score, address in found]


def _addresses(searcher: tantivy.Searcher) -> list[tantivy.DocAddress]:
    every = max(1, searcher.num_docs)
    return [address for _, address in searcher.search(tantivy.Query.all_query(), every).hits]


def _id(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> str:
    return str(searcher.doc(address).get_first("id"))
