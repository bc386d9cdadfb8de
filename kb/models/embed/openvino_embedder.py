"""BERT-family embedders through OpenVINO: those that are bundled, and any folder of that shape.

bf16 where the processor has it: four times the speed of fp32, and the ranking stays
(`bench/embedding_runtimes.py` prints both). Texts are sorted by length before they are batched,
because padding is computed like text.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import openvino as ov
import tokenizers
from safetensors.numpy import load_file

from kb.models.embed.anchors import measured
from kb.models.embed.bert_graph import build_bert
from kb.models.embed.coverage import Coverage
from kb.models.embed.encoder import Encoder
from kb.models.embed.model_folder import BertShape, ModelFolder
from kb.models.embed.priority import PriorityGate
from kb.models.embed.tokenizer import ModelTokenizer
from kb.protocols import Calibration, Vectors


def folder_encoder(
    folder: ModelFolder, shape: BertShape, calibration: Calibration | None = None
) -> Encoder:
    """The encoder of a model folder."""
    return Encoder(
        fingerprint=folder.fingerprint(),
        open_tokenizer=lambda: ModelTokenizer(
            tokenizers.Tokenizer.from_file(str(folder.path / "tokenizer.json"))
        ),
        shape=shape,
        weights=load_file(folder.weights[0]),
        calibration=calibration,
    )


class OpenVinoEmbedder:
    """Implements `kb.protocols.Embedder`. Thread-safe; one inference at a time, queries first.

    Args:
        threads: processor threads of one inference; 0 takes one per core.
        batch_size: texts per inference; above 32 only memory grows.
    """

    away: str | None = None

    def __init__(self, encoder: Encoder, *, threads: int, batch_size: int) -> None:
        self.fingerprint = encoder.fingerprint
        with ThreadPoolExecutor(1) as beside:
            compiling = beside.submit(_compile, encoder, threads)
            self.tokenizer = encoder.open_tokenizer()
        compiled = compiling.result()
        self._calibration = encoder.calibration
        self._prompts, self._limit = encoder.shape.prompts, encoder.shape.max_sequence
        room = self._limit - self.tokenizer.special_tokens
        self.max_tokens = room - self._tokens_of(self._prompts.document)
        self._max_question_tokens = room - self._tokens_of(self._prompts.query)
        self.coverage = Coverage(self.tokenizer, encoder.full_coverage)
        self._words = encoder.words
        self._batch_size = batch_size
        self._gate = PriorityGate()
        self.dimensions = int(compiled.output(0).partial_shape[1].get_length())
        self._request = compiled.create_infer_request()
        self._infer(self.tokenizer.encode_batch(["warm up"]))

    @cached_property
    def calibration(self) -> Calibration:
        """What its cosines are worth: told by the model's folder, or measured."""
        if self._calibration is not None:
            return self._calibration
        return measured(self.embed_query, self.embed_documents, self.coverage)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given. Raises ValueError if one is over max_tokens."""
        rows = self.tokenizer.encode_batch([self._prompts.document + text for text in texts])
        for position, row in enumerate(rows):
            if (too_many := len(row) - self._limit) > 0:
                raise ValueError(
                    f"Text {position} has {self.max_tokens + too_many} tokens; "
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
        question = self._prompts.query + self.tokenizer.cut(text, self._max_question_tokens)
        rows = self.tokenizer.encode_batch([question])
        with self._gate.query():
            return self._infer(rows)

    def _tokens_of(self, prompt: str) -> int:
        """How many tokens a prompt adds; some tokenizers count a blank at its end only there."""
        alone, after = self.tokenizer.encode_batch(["a", f"{prompt}a"])
        return len(after) - len(alone)

    def _infer(self, rows: Sequence[Sequence[int]]) -> Vectors:
        ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        present = np.zeros(ids.shape, dtype=np.bool_)
        for position, row in enumerate(rows):
            ids[position, : len(row)] = row
            present[position, : len(row)] = True
        first = ids if self._words is None else self._words(ids)
        # Copied, because the request writes its next result into the same memory.
        vectors: Vectors = np.array(self._request.infer([first, present])[0], dtype=np.float32)
        return vectors


def _compile(encoder: Encoder, threads: int) -> Any:
    core = ov.Core()
    capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if capable else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return core.compile_model(build_bert(encoder.weights, encoder.shape), "CPU", options)
