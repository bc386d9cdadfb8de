"""What a plug must do. Each protocol has a contract suite in `tests/contracts/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, get_args

from kb.types import Piece, Turn

if TYPE_CHECKING:  # children that split start without it
    import numpy as np
    import numpy.typing as npt

Vectors: TypeAlias = "npt.NDArray[np.float32]"
"""Shape (texts, dimensions), float32, rows of unit length."""


class Tokenizer(Protocol):
    """Counts text in the embedder's own tokens."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans (start, end) of the content tokens of a text, special tokens left out."""
        ...


class PortableTokenizer(Tokenizer, Protocol):
    """One that another process can open."""

    @property
    def spelled(self) -> str:
        """As JSON of the library `tokenizers`; empty: words, CJK characters and signs."""
        ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a question's words and an embedder's cosines say of whether it is answered.

    `far` to `near` is the scale on which a model's cosines tell, since models crowd them into
    different parts; the rest are the weights of a logistic regression on the `Signals` of
    `kb/search/scoring.py`. `alone` has the base and the weight of the cosine where the hits are in
    another language (`kb/search/across.py`); else `shifts` says, by its code, how much higher the
    cosines of a language lie. `vector_weight` is their share in the ranking (`fusion.py`).
    """

    far: float = 0.0
    near: float = 1.0
    base: float = -4.50
    bm25: float = 4.85
    window: float = 2.91
    pairs: float = 0.79
    meaning: float = 0.56
    lead: float = 0.0
    identifier: float = 2.53
    unknown: float = -2.87
    alone: tuple[float, float] | None = None
    shifts: Mapping[str, float] = field(default_factory=dict)
    vector_weight: float = 0.45


CALIBRATION = Calibration()
"""Of a search without an embedder, and of embedders that bring none; made with all-MiniLM-L6-v2.

Logistic regression on the first set of `bench.answers` (96 questions over a handbook in English
and Chinese, codes, releases, site sheets, tables, questions and answers), and on 300 questions
each of SQuAD dev, CMRC 2018 and JSQuAD of which half of the articles were left out of the
documents; each set and each half weighs the same. Area under the curve: 0.99 (the second set,
which was not looked at, 0.98), 0.95, 0.98, 0.98.
"""


class Embedder(Protocol):
    """Turns text into unit vectors whose dot product is the similarity.

    Thread-safe. Queries go before documents when both wait.
    """

    @property
    def fingerprint(self) -> str:
        """Names model and revision; vectors of different fingerprints never meet."""
        ...

    away: str | None
    """Why it does not answer at present, if it is on another machine. None while it does."""

    @property
    def dimensions(self) -> int:
        """Columns of every vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Content tokens that are read of one text; a longer one would be cut, so none may be."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What its cosines are worth."""
        ...

    @property
    def tokenizer(self) -> PortableTokenizer:
        """The model's own tokenizer."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given. Raises ValueError if one is over max_tokens."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Vector of a question, shape (1, dimensions); an over-long question is cut."""
        ...

    def coverage(self, text: str) -> float:
        """How well the model knows the script and words of a text: 0 (not at all) to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """A chunk id and its score in one index; higher is better."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How many chunks there are, and how many of them hold each term of a question."""

    chunks: int = 0
    holding: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def among(cls, texts: Collection[Iterable[str]]) -> Frequencies:
        """Those among some texts, of which each is its terms."""
        return cls(len(texts), Counter(term for held in texts for term in set(held)))


@dataclass(frozen=True, slots=True, order=True)
class IndexKey:
    """Names one derived index: a dataset in one generation."""

    dataset_id: str
    generation: int


IndexKind = Literal["keyword", "vector"]
KINDS: tuple[IndexKind, ...] = get_args(IndexKind)


class IndexName(NamedTuple):
    """One index: its kind, and whose it is."""

    kind: IndexKind
    key: IndexKey


class VectorSearch(Protocol):
    """Nearest neighbours by cosine similarity."""

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest rows of a (1, dimensions) vector, best first, score = cosine."""
        ...


class VectorIndex(VectorSearch, Protocol):
    """A vector index. Derived: all of it can be rebuilt from SQL. Rows may have any ids; ours name
    texts (`kb.store.content.texts`), for equal vectors in one graph hide each other."""

    def add(self, key: IndexKey, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Add the rows that are not there yet; the others stay as they are. Any number of rows."""
        ...

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget chunks; unknown ids are ignored."""
        ...

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held."""
        ...

    def drop(self, key: IndexKey) -> None:
        """Remove the index from disk."""
        ...

    def rebuild_beside(self, key: IndexKey, parts: Iterable[tuple[Sequence[str], Vectors]]) -> None:
        """Make the index anew of (ids, vectors), without remains; until then this one answers."""
        ...

    def close(self) -> None:
        """Release files and threads."""
        ...


class KeywordSearch(Protocol):
    """BM25 over `index_text`."""

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches of any word of the text, best first, score = BM25 (> 0)."""
        ...

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are."""
        ...


class KeywordIndex(KeywordSearch, Protocol):
    """A keyword index. Derived, like the vector index."""

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held."""
        ...

    def sample(self, key: IndexKey) -> set[str]:
        """Some of the chunk ids held, of every part that the index consists of."""
        ...

    def finds(self, key: IndexKey, chunk_id: str, text: str) -> bool:
        """Whether a chunk is found by its id and the words of its index_text together."""
        ...

    def close(self) -> None:
        """Release files and threads."""
        ...


class KeywordFeed(Protocol):
    """What keeps keyword indexes up: the index itself, or in a cluster all copies of it."""

    def upsert(self, key: IndexKey, chunks: Iterable[tuple[str, str]]) -> None:
        """Add or overwrite (chunk id, index_text) pairs; repeating is harmless."""
        ...

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget chunks; unknown ids are ignored."""
        ...

    def drop(self, key: IndexKey) -> None:
        """Remove the index from disk."""
        ...

    def rebuild_beside(self, key: IndexKey, parts: Iterable[Iterable[tuple[str, str]]]) -> None:
        """Make the index anew of (chunk id, index_text) pairs, as the vector index is."""
        ...


class Reranker(Protocol):
    """A model that reads a question together with a passage. Thread-safe."""

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each answers the question, 0..1, in their order. Raises ModelUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model is to write; None leaves it to the model.

    `stop` are texts before which it is to end, beside those of its registration.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a chat model is sent. `system` is the filled hidden prompt: never log or return it."""

    system: str
    history: tuple[Turn, ...]
    query: str
    query_in_system: bool = False
    sampling: Sampling = Sampling()

    def __repr__(self) -> str:
        return f"Prompt(query={self.query!r}, history={len(self.history)} turns)"


class ChatModel(Protocol):
    """A language model that streams."""

    def stream(self, prompt: Prompt) -> AsyncIterator[Piece]:
        """Text pieces, then exactly one EndPiece.

        Raises ModelUnavailable with a sentence of ours; upstream bodies are never passed on,
        because servers echo requests, and a request holds the hidden prompt. Closing the
        iterator closes the upstream connection.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
