"""What a sentence-transformers model folder says about itself, read without importing that library.

Only folders are opened, never names: a name that reaches a download is code from a stranger. The
weights must be safetensors, because the older formats run code while they are read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors import safe_open

from kb.errors import Rejected

Pooling = Literal["mean", "cls"]
POOLINGS: dict[str, Pooling] = {
    "mean": "mean",
    "cls": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
}
FIRST_WEIGHT = "embeddings.word_embeddings.weight"
NUMPY_TYPES = ("F32", "F16")
DOCUMENT_PROMPTS = ("document", "passage", "corpus")
SHAPES_VECTORS = ("tokenizer.json", "modules.json", "1_Pooling/config.json")
FINGERPRINT_DIGITS = 12
BASE = "citewell_base"
"""In the config of a tuned model that holds only layers: which packed model they belong to."""
_RUNS_CODE = ("auto_map", "_attn_implementation_internal")


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model wants to read before a question, and before a passage."""

    query: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers of a BERT encoder that `bert_graph` can build, and its prompts."""

    layers: int
    heads: int
    epsilon: float
    pooling: Pooling
    max_sequence: int
    prompts: Prompts = Prompts()


class ModelFolder:
    """A folder in sentence-transformers layout.

    Raises:
        Rejected: it is not a model folder, has no safetensors weights, or wants to run code.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.weights = sorted(path.glob("*.safetensors"))
        self._config = self._json("config.json")
        if not self._config or not self.weights:
            raise Rejected(
                f"Embedding model {name!r}: {path} needs a config.json and safetensors weights."
            )
        if any(key in self._config for key in _RUNS_CODE):
            raise Rejected(
                f"Embedding model {name!r} asks to run code of its own, which is never done here. "
                "Choose a model without it."
            )

    @property
    def base(self) -> str | None:
        """The packed model whose words and tokens this one has, if it holds layers alone."""
        found: str | None = self._config.get(BASE)
        return found

    def fingerprint(self) -> str:
        """`name@` and the first digits of the SHA-256 of all that shapes a vector; 0.1 s for 90 MB.

        The precision is left out on purpose: bf16 and fp32 vectors of one model agree to 0.9999,
        so a data folder may move to another processor.
        """
        digest = hashlib.sha256()
        for path in [*self.weights, *(self.path / name for name in SHAPES_VECTORS)]:
            if path.is_file():
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        if self._prompts() not in (None, Prompts()):  # none: as it was before prompts counted
            digest.update(repr(self._prompts()).encode())
        return f"{self.name}@{digest.hexdigest()[:FINGERPRINT_DIGITS]}"

    def bert_shape(self) -> BertShape | None:
        """The shape, if this is a plain BERT with mean or first-token pooling."""
        pooling, prompts = self._pooling(), self._prompts()
        if pooling is None or prompts is None or not self._is_plain_bert():
            return None
        return BertShape(
            layers=self._config["num_hidden_layers"],
            heads=self._config["num_attention_heads"],
            epsilon=self._config["layer_norm_eps"],
            pooling=pooling,
            max_sequence=self._max_sequence(),
            prompts=prompts,
        )

    def _prompts(self) -> Prompts | None:
        """What sentence-transformers would put in front; None if that is not all it would do."""
        stated = self._json("config_sentence_transformers.json")
        prompts = {name: prompt for name, prompt in (stated.get("prompts") or {}).items() if prompt}
        if stated.get("default_prompt_name"):
            return None
        if prompts and not self._json("1_Pooling/config.json").get("include_prompt", True):
            return None
        document = next((prompts[name] for name in DOCUMENT_PROMPTS if name in prompts), "")
        return Prompts(prompts.get("query", ""), document)

    def _is_plain_bert(self) -> bool:
        config = self._config
        return (
            config.get("model_type") == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and (self.path / "tokenizer.json").is_file()
            and self._weights_are_bare_bert()
        )

    def _weights_are_bare_bert(self) -> bool:
        if [path.name for path in self.weights] != ["model.safetensors"]:
            return False
        with safe_open(self.weights[0], framework="numpy") as tensors:
            if FIRST_WEIGHT not in tensors.keys():  # noqa: SIM118 (not a dict)
                return False
            stored_as: str = tensors.get_slice(FIRST_WEIGHT).get_dtype()
            return stored_as in NUMPY_TYPES

    def _pooling(self) -> Pooling | None:
        steps = [module["type"].rsplit(".", 1)[-1] for module in self._json("modules.json") or []]
        if steps not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            return None
        stated = self._json("1_Pooling/config.json")
        # Before sentence-transformers 6 one flag per mode, since then one name.
        flags = {key for key, value in stated.items() if key.startswith("pooling_mode_") and value}
        mode = stated.get("pooling_mode") or "+".join(sorted(flags))
        return POOLINGS.get(mode) if isinstance(mode, str) else None

    def _max_sequence(self) -> int:
        limits = (
            self._config["max_position_embeddings"],
            self._json("sentence_bert_config.json").get("max_seq_length"),
            self._json("tokenizer_config.json").get("model_max_length"),
        )
        return min(int(limit) for limit in limits if limit)

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as exc:
            raise Rejected(f"Embedding model {self.name!r}: {name} is damaged ({exc}).") from exc
