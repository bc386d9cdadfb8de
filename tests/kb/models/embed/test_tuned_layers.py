"""A tuned multilingual model is its layers alone, opened over the packed one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from safetensors.numpy import load_file, save_file

from kb.errors import Rejected
from kb.models.embed.embedders import open_embedder
from kb.models.embed.model_folder import BASE, FIRST_WEIGHT
from kb.models.embed.packed_model import NAME, packed_encoder
from kb.models.embed.unpacking import unpack

pytestmark = pytest.mark.models

TEXTS = ("Wer repariert die Heizung?", "散热器和锅炉由物业管理员负责维护。", "ﾊﾝｶｸ\t１２３  x")


def folder_of(folder: Path, layers) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", BASE: NAME}))
    save_file(layers, folder / "model.safetensors")
    return folder


def test_layers_are_opened_over_the_packed_words(tmp_path: Path):
    layers = {name: each.astype(np.float16) for name, each in packed_encoder().weights.items()}
    name = "encoder.layer.11.output.dense.bias"
    learnt = layers[name] + np.linspace(-1, 1, len(layers[name])).astype(np.float16)
    pooler = {"pooler.dense.bias": np.zeros(384, np.float16)}  # as trainers write it
    folder = folder_of(tmp_path / "tuned", {**layers, **pooler, name: learnt})
    options = {"cache_dir": tmp_path, "threads": 1, "batch_size": 4}

    tuned, plain = (open_embedder(each, **options) for each in ("tuned", "bundled"))

    assert tuned.fingerprint.startswith("tuned@")
    near = float(tuned.embed_query(TEXTS[0])[0] @ plain.embed_query(TEXTS[0])[0])
    assert 0.5 < near < 0.999
    assert tuned.max_tokens == plain.max_tokens
    assert tuned.calibration.far != plain.calibration.far  # measured
    assert folder.is_dir()


def test_other_layers_are_refused(tmp_path: Path):
    folder = folder_of(tmp_path / "half", {"encoder.layer.0.output.dense.bias": np.zeros(384)})

    with pytest.raises(Rejected, match="does not hold the layers"):
        open_embedder(str(folder), cache_dir=tmp_path, threads=1, batch_size=4)


@pytest.mark.slow
def test_a_folder_to_train_has_the_words_the_tokens_and_the_prompts(tmp_path: Path):
    unpack(tmp_path / "bundled")

    cut = tokenizers.Tokenizer.from_file(str(tmp_path / "bundled" / "tokenizer.json"))
    encoder = packed_encoder()
    ids = encoder.open_tokenizer().encode_batch(TEXTS)
    assert [found.ids for found in cut.encode_batch(list(TEXTS))] == ids
    words = load_file(tmp_path / "bundled" / "model.safetensors")[FIRST_WEIGHT]
    assert encoder.words is not None
    np.testing.assert_allclose(words[ids[0]], encoder.words(np.array([ids[0]]))[0], atol=1e-3)
    stated = json.loads((tmp_path / "bundled" / "config_sentence_transformers.json").read_text())
    assert stated["prompts"] == {"query": "query: ", "document": "passage: "}
