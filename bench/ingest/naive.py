"""The naive pipeline that `bench.ingest` measures against: LlamaIndex as it documents itself.

Heavy libraries are imported only when it runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.measuring import Clock, text_files

CHUNK_SIZE = 256

Cut = tuple[int, int, int]
"""Chunks that the model cut, tokens that it cut, and tokens of all chunks."""


def naive(folder: Path, cores: int, overlap: int) -> tuple[Clock, int, int, Cut]:
    """Ingest a folder; returns the clock, characters that are in a vector, chunks, what was cut.

    The model and the splitter are loaded before the clock starts.
    """
    import chromadb
    import torch
    from llama_index.core import Document
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from kb.models.embed.embedders import english_folder

    torch.set_num_threads(cores)
    model = HuggingFaceEmbedding(model_name=str(english_folder()), device="cpu")
    splitter = SentenceSplitter(chunk_size=CHUNK_SIZE, chunk_overlap=overlap)
    model.get_text_embedding("warm up")
    splitter.split_text("warm up")
    with tempfile.TemporaryDirectory() as data:
        collection = chromadb.PersistentClient(data).get_or_create_collection("chunks")
        store = ChromaVectorStore(chroma_collection=collection)
        pipeline = IngestionPipeline(transformations=[splitter, model], vector_store=store)
        clock = Clock()
        sources = [Document(text=path.read_text("utf-8")) for path in text_files(folder)]
        nodes = pipeline.run(documents=sources)
        clock.stop()
    texts = {source.doc_id: source.text for source in sources}
    parts: dict[str, list[str]] = {}
    for node in nodes:
        parts.setdefault(node.ref_doc_id or "", []).append(node.get_content())
    read = _Reading(model)
    characters = sum(read.covered(texts[name], found) for name, found in parts.items())
    return clock, characters, len(nodes), (read.cut_chunks, read.cut_tokens, read.tokens)


class _Reading:
    """What the model reads of the naive chunks; it cuts the rest without a word."""

    def __init__(self, model: Any) -> None:
        self._tokenizer = model._model.tokenizer
        self._limit = model._model.max_seq_length - 2
        self.cut_chunks = self.cut_tokens = self.tokens = 0

    def covered(self, text: str, chunks: Iterable[str]) -> int:
        """Characters of a document that are in at least one vector."""
        position = end = covered = 0
        for chunk in chunks:
            found = text.find(chunk, position)
            start = found if found >= 0 else end  # changed by the splitter: taken as new text
            stop = start + self._read(chunk)
            covered += max(0, stop - max(start, end))
            end = max(end, stop)
            position = start + 1
        return covered

    def _read(self, chunk: str) -> int:
        offsets = self._tokenizer(
            chunk, add_special_tokens=False, return_offsets_mapping=True, truncation=False
        )["offset_mapping"]
        self.tokens += len(offsets)
        if len(offsets) <= self._limit:
            return len(chunk)
        self.cut_chunks += 1
        self.cut_tokens += len(offsets) - self._limit
        return int(offsets[self._limit - 1][1])
