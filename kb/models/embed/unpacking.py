"""The bundled models as ordinary sentence-transformers folders, for programs that train them.

The server reads the packed model where it lies; this is written only where one is to be tuned.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from kb.models.embed.encoder import Encoder
from kb.models.embed.model_folder import BASE, FIRST_WEIGHT
from kb.models.embed.packed_model import FILE, NAME, packed_encoder, packed_vocabulary
from kb.models.embed.piece_tokenizer import Vocabulary

_STEP = "sentence_transformers.models."


def unpack(target: Path) -> None:
    """Write multilingual-e5-small as a folder of 240 MB; complete or not at all.

    Raises:
        Rejected: its file is not on this machine.
    """
    encoder, vocabulary = packed_encoder(), packed_vocabulary(FILE)
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "1_Pooling").mkdir(parents=True)
    for name, content in _configs(encoder, len(vocabulary.scores)).items():
        (part / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
    _tokenizer(vocabulary).save(str(part / "tokenizer.json"))
    half = {name: each.astype(np.float16) for name, each in encoder.weights.items()}
    ids = np.arange(len(vocabulary.scores))[None]
    assert encoder.words is not None, "the packed model keeps its words apart"
    save_file(
        {**half, FIRST_WEIGHT: encoder.words(ids)[0].astype(np.float16)},
        part / "model.safetensors",
        metadata={"format": "pt"},
    )
    part.rename(target)


def _configs(encoder: Encoder, words: int) -> dict[str, dict[str, Any] | list[dict[str, Any]]]:
    shape, width = encoder.shape, encoder.weights["embeddings.LayerNorm.weight"].shape[0]
    steps = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    inner = encoder.weights["encoder.layer.0.intermediate.dense.bias"].shape[0]
    prompts = {"query": shape.prompts.query, "document": shape.prompts.document}
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": width,
            "intermediate_size": inner,
            "layer_norm_eps": shape.epsilon,
            "max_position_embeddings": shape.max_sequence,
            "num_attention_heads": shape.heads,
            "num_hidden_layers": shape.layers,
            "vocab_size": words,
            "pad_token_id": 1,
            BASE: NAME,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.max_sequence,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
        "config_sentence_transformers.json": {"prompts": prompts},
        "sentence_bert_config.json": {"max_seq_length": shape.max_sequence},
        "1_Pooling/config.json": {"word_embedding_dimension": width, "pooling_mode": shape.pooling},
        "modules.json": [
            {"idx": place, "name": str(place), "path": path, "type": f"{_STEP}{step}"}
            for place, (step, path) in enumerate(steps.items())
        ],
    }


def _tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """As SentencePiece cuts, but for a few control characters that its normalisation drops."""
    pieces = list(zip(vocabulary.tokens(), vocabulary.scores.tolist(), strict=True))
    found = Tokenizer(models.Unigram(pieces, unk_id=vocabulary.unknown))
    blanks = normalizers.Replace(Regex(r"\s+"), " ")
    found.normalizer = normalizers.Sequence([normalizers.NFKC(), blanks, normalizers.Strip()])
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", vocabulary.first), ("</s>", vocabulary.last)]
    found.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    found.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return found
