"""What `bench.retrieval` measures against: LlamaIndex as people set it up.

Two splitters (its default, and its `SentenceSplitter` counting in the embedder's own tokens) times
three retrievers: dense (cosine, exact), BM25 over jieba's words with English stop words and
endings removed as its `BM25Retriever` does, and reciprocal rank fusion of both. The texts are
those that our readers return, so that only splitting and retrieval differ.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.types import FoundPassage
from kb.protocols import Embedder, Vectors

DEPTH = 40
RRF_K = 60
OWN_OVERLAP = 20

Retriever = Callable[[str], list[FoundPassage]]
"""A question's hits, best first."""

_WORD = re.compile(r"\w")


def baselines(texts: Mapping[str, str], embedder: Embedder, cache: Path) -> dict[str, Retriever]:
    """Name → retriever for the six. Vectors are kept in `cache` for the next run."""
    found: dict[str, Retriever] = {}
    for splitter, split in _splitters(embedder).items():
        nodes = [
            FoundPassage(name, part) for name, text in sorted(texts.items()) for part in split(text)
        ]
        dense = _dense(nodes, embedder, cache / splitter)
        words = _bm25(nodes)
        rankings = {"dense": dense, "bm25": words, "rrf": _rrf(dense, words)}
        for name, ranking in rankings.items():
            found[f"{splitter} {name}"] = _retriever(nodes, ranking)
    return found


Ranking = Callable[[str], Sequence[int]]


def _retriever(nodes: Sequence[FoundPassage], ranking: Ranking) -> Retriever:
    return lambda query: [nodes[i] for i in ranking(query)]


def _splitters(embedder: Embedder) -> dict[str, Callable[[str], list[str]]]:
    from llama_index.core.node_parser import SentenceSplitter

    own = SentenceSplitter(
        chunk_size=embedder.max_tokens,
        chunk_overlap=OWN_OVERLAP,
        tokenizer=lambda text: list(embedder.tokenizer.offsets(text)),
    )
    return {"default": SentenceSplitter().split_text, "own tokens": own.split_text}


def _dense(nodes: Sequence[FoundPassage], embedder: Embedder, cache: Path) -> Ranking:
    vectors = vectors_of([node.text for node in nodes], embedder, cache)

    def ranking(query: str) -> list[int]:
        scores = vectors @ embedder.embed_query(query)[0]
        return list(map(int, np.argsort(-scores, kind="stable")[:DEPTH]))

    return ranking


def vectors_of(texts: Sequence[str], embedder: Embedder, cache: Path) -> Vectors:
    """Vectors of texts, kept beside `cache` under a name of their own for the next run."""
    named = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    file = cache.with_name(f"{cache.stem}-{named}.npy")
    if file.is_file():
        return np.asarray(np.load(file), dtype=np.float32)
    # The model reads so much of a text, and sentence-transformers cuts it there without a word.
    read = [_read_by_model(text, embedder) for text in texts]
    parts = [embedder.embed_documents(read[i : i + 256]) for i in range(0, len(read), 256)]
    vectors = np.concatenate(parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, vectors)
    return vectors


def _read_by_model(text: str, embedder: Embedder) -> str:
    offsets = embedder.tokenizer.offsets(text)
    return (
        text if len(offsets) <= embedder.max_tokens else text[: offsets[embedder.max_tokens - 1][1]]
    )


def _bm25(nodes: Sequence[FoundPassage]) -> Ranking:
    import bm25s

    index = bm25s.BM25(method="lucene")
    index.index([_words(node.text) for node in nodes], show_progress=False)

    def ranking(query: str) -> list[int]:
        words = [word for word in _words(query) if word in index.vocab_dict]
        if not words:
            return []
        found, scores = index.retrieve([words], k=min(DEPTH, len(nodes)), show_progress=False)
        return [int(i) for i, score in zip(found[0], scores[0], strict=True) if score > 0]

    return ranking


def _words(text: str) -> list[str]:
    import jieba
    import Stemmer
    from bm25s.stopwords import STOPWORDS_EN

    jieba.setLogLevel(logging.WARNING)
    stem = Stemmer.Stemmer("english").stemWord
    words = (word for word in jieba.lcut(text.lower()) if _WORD.search(word))
    return [stem(word) for word in words if word not in STOPWORDS_EN]


def _rrf(*rankings: Ranking) -> Ranking:
    def fused(query: str) -> list[int]:
        scores: dict[int, float] = {}
        for ranking in rankings:
            for rank, node in enumerate(ranking(query), start=1):
                scores[node] = scores.get(node, 0.0) + 1 / (RRF_K + rank)
        return sorted(scores, key=lambda node: -scores[node])

    return fused
