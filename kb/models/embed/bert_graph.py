"""A BERT sentence encoder as an OpenVINO graph, built straight from its safetensors weights.

Neither torch nor a converter is needed, so the server starts in half a second with nothing to
prepare. Pooling and normalisation are part of the graph: token ids in, unit vectors out.

Source: Devlin et al., "BERT", NAACL 2019 (post-norm encoder); Reimers and Gurevych,
"Sentence-BERT", EMNLP 2019 (pooling).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as op

from kb.models.embed.encoder import Weights
from kb.models.embed.model_folder import FIRST_WEIGHT, BertShape

Node = Any
"""openvino.Node: the bindings carry no usable types."""

POSITIONS = "embeddings.position_embeddings"


def build_bert(weights: Weights, shape: BertShape) -> ov.Model:
    """The graph of one model.

    Inputs: token ids, int64 (texts, tokens), and which of them are not padding, bool, same shape.
    Where the weights lack the word table, its rows come in place of the ids, float32 (texts,
    tokens, width). The mask must stay boolean: an additive float mask made OpenVINO 2026.4 lose
    precision in bf16 (mean cosine to fp32 0.99995 and top-10 overlap 0.990, against 0.99998 and
    0.997).

    Output: float32 unit vectors (texts, dimensions).
    """
    return _BertGraph(weights, shape).model()


class _BertGraph:
    def __init__(self, weights: Weights, shape: BertShape) -> None:
        self._weights = weights
        self._shape = shape
        self._width = weights[f"{POSITIONS}.weight"].shape[1]

    def model(self) -> ov.Model:
        unknown = ov.PartialShape([-1, -1])
        present = op.parameter(unknown, np.bool_, name="present")
        if FIRST_WEIGHT in self._weights:
            first = op.parameter(unknown, np.int64, name="ids")
            words = op.gather(self._constant(FIRST_WEIGHT), first, _integers(0))
        else:
            rows = ov.PartialShape([-1, -1, self._width])
            first = words = op.parameter(rows, np.float32, name="words")
        hidden = self._embeddings(words, op.shape_of(present))
        mask = op.unsqueeze(present, _integers(1, 2))
        for layer in range(self._shape.layers):
            hidden = self._layer(hidden, mask, f"encoder.layer.{layer}")
        pooled = self._pool(hidden, present)
        unit = op.normalize_l2(pooled, _integers(1), 1e-12, "max")
        return ov.Model([unit], [first, present], "bert")

    def _embeddings(self, words: Node, size: Node) -> Node:
        positions = (
            self._weight(f"{POSITIONS}.weight")
            + self._weight("embeddings.token_type_embeddings.weight")[0]
        )
        length = op.gather(size, _integers(1), _integers(0))
        here = op.slice(op.constant(positions), _integers(0), length, _integers(1), _integers(0))
        return self._norm(op.add(words, here), "embeddings.LayerNorm")

    def _layer(self, hidden: Node, mask: Node, prefix: str) -> Node:
        attended = self._dense(
            self._attention(hidden, mask, f"{prefix}.attention.self"),
            f"{prefix}.attention.output.dense",
        )
        hidden = self._norm(op.add(hidden, attended), f"{prefix}.attention.output.LayerNorm")
        inner = op.gelu(self._dense(hidden, f"{prefix}.intermediate.dense"), "erf")
        outer = self._dense(inner, f"{prefix}.output.dense")
        return self._norm(op.add(hidden, outer), f"{prefix}.output.LayerNorm")

    def _attention(self, hidden: Node, mask: Node, prefix: str) -> Node:
        heads = _integers(0, 0, self._shape.heads, self._width // self._shape.heads)
        query, key, value = (
            op.transpose(
                op.reshape(self._dense(hidden, f"{prefix}.{name}"), heads, True),
                _integers(0, 2, 1, 3),
            )
            for name in ("query", "key", "value")
        )
        mixed = op.scaled_dot_product_attention(query, key, value, mask)
        together = op.transpose(mixed, _integers(0, 2, 1, 3))
        return op.reshape(together, _integers(0, 0, self._width), True)

    def _pool(self, hidden: Node, present: Node) -> Node:
        if self._shape.pooling == "cls":
            return op.gather(hidden, op.constant(np.int64(0)), _integers(1))
        # The sum points where the mean points; normalisation makes them equal.
        counted = op.convert(op.unsqueeze(present, _integers(2)), "f32")
        return op.reduce_sum(op.multiply(hidden, counted), _integers(1), False)

    def _dense(self, hidden: Node, prefix: str) -> Node:
        product = op.matmul(hidden, self._constant(f"{prefix}.weight"), False, True)
        return op.add(product, self._constant(f"{prefix}.bias"))

    def _norm(self, hidden: Node, prefix: str) -> Node:
        even = op.mvn(hidden, _integers(-1), True, self._shape.epsilon, "inside_sqrt")
        scaled = op.multiply(even, self._constant(f"{prefix}.weight"))
        return op.add(scaled, self._constant(f"{prefix}.bias"))

    def _constant(self, name: str) -> Node:
        return op.constant(self._weight(name))

    def _weight(self, name: str) -> npt.NDArray[np.float32]:
        return self._weights[name].astype(np.float32, copy=False)


def _integers(*values: int) -> Node:
    return op.constant(np.array(values, dtype=np.int64))
