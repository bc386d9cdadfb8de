"""BERT-family embedders through OpenVINO: the bundled model, and any folder of that shape.

bf16 where the processor has it: four times the speed of fp32, and the ranking stays
(`bench/embedding_runtimes.py` prints both). Texts are sorted by length before they are batched,
because padding is computed like text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
import tokenizers
from safetensors.numpy import load_file

from kb.models.embed.bert_graph import build_bert
from kb.models.embed.coverage import Coverage
from kb.models.embed.model_folder import BertShape, ModelFolder
from kb.models.embed.priority import PriorityGate
from kb.models.embed.tokenizer import ModelTokenizer
from kb.protocols import Vectors


class OpenVinoEmbedder:
    """Implements `kb.protocols.Embedder`. Thread-safe; one inference at a time, queries first.

    Args:
        threads: processor threads of one inference; 0 takes one per core.
        batch_size: texts per inference; above 32 only memory grows.
    """

    def __init__(
        self, folder: ModelFolder, shape: BertShape, *, threads: int, batch_size: int
    ) -> None:
        self.fingerprint = folder.fingerprint()
        self.tokenizer = ModelTokenizer(
            tokenizers.Tokenizer.from_file(str(folder.path / "tokenizer.json"))
        )
        self.max_tokens = shape.max_sequence - self.tokenizer.special_tokens
        self.coverage = Coverage(self.tokenizer.raw)
        self._batch_size = batch_size
        self._gate = PriorityGate()
        compiled = _compile(folder, shape, threads)
        self.dimensions = int(compiled.output(0).partial_shape[1].get_length())
        self._request = compiled.create_infer_request()
        self._infer(self.tokenizer.encode_batch(["warm up"]))

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given. Raises ValueError if one is over max_tokens."""
        rows = self.tokenizer.encode_batch(texts)
        limit = self.max_tokens + self.tokenizer.special_tokens
        for position, row in enumerate(rows):
            if len(row) > limit:
                raise ValueError(
                    f"Text {position} has {len(row) - self.tokenizer.special_tokens} tokens; "
                    f"{self.fingerprint} reads {self.max_tokens}"
                )
        vectors = np.empty((len(rows), self.dimensions), dtype=np.float32)
        waiting = sorted(range(len(rows)), key=lambda position: len(rows[position]))
        while waiting:
            size = min(self._gate.batch_size(self._batch_size), len(waiting))
            batch = [waiting.pop() for _ in range(size)]
            with self._gate.documents():
                vectors[batch] = self._infer([rows[position] for position in batch])
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Vector of a question, shape (1, dimensions); an over-long question is cut."""
        rows = self.tokenizer.encode_batch([self.tokenizer.cut(text, self.max_tokens)])
        with self._gate.query():
            return self._infer(rows)

    def _infer(self, rows: Sequence[Sequence[int]]) -> Vectors:
        ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        present = np.zeros(ids.shape, dtype=np.bool_)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            present[position, : len(row)] = True
        # Copied, because the request writes its next result into the same memory.
        vectors: Vectors = np.array(self._request.infer([ids, present])[0], dtype=np.float32)
        return vectors


def _compile(folder: ModelFolder, shape: BertShape, threads: int) -> Any:
    core = ov.Core()
    capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if capable else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    graph = build_bert(load_file(folder.weights[0]), shape)
    return core.compile_model(graph, "CPU", options)
