"""Classifiers and extractors are trained on an encoder of random weights, which suffices here."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

from kb.chat.ask.intents import Intents
from kb.models.embed.embedders import Embedders, open_embedder
from kb.store.engine.sqlite import SqliteDatabase
from tests.tune.making import row
from tests.tune.trainers import tiny
from tests.tuned import store

Train = Callable[[Path], int]
WORDS = """i want my money back please refund the order hello good morning thanks a lot li bai du fu
wrote of"""
ASKED = {
    "refund": (
        "i want my money back",
        "refund the order please",
        "my money please",
        "refund my order",
    ),
    "greeting": ("hello good morning", "good morning", "hello thanks a lot", "thanks hello"),
}
ROWS = [row(text, label=label) for label, texts in ASKED.items() for text in texts]
NEW = [row("please refund my money", label="refund"), row("good morning thanks", label="greeting")]
FAST = {"n_epochs": 12, "batch_size": 4, "learning_rate": 5e-4}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in sentence-transformers layout."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    source = tmp_path_factory.mktemp("encoder") / "source"
    source.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    (source / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab=str(source / "vocab.txt"), model_max_length=64).save_pretrained(source)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(source)
    folder = source.with_name("tiny-encoder")
    modules = [Transformer(str(source)), Pooling(32, pooling_mode="mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


@pytest.mark.parametrize("frozen_layers", [0, 1, 2])
def test_a_class_is_told_without_torch_by_the_vector_of_our_own_embedder(
    encoder: Path, tmp_path: Path, here: Train, frozen_layers: int
):
    folder = tiny.job_folder(
        tmp_path / "job",
        encoder,
        ROWS,
        held_out={"valid": NEW},
        task="classify",
        hyperparameters=FAST | {"frozen_layers": frozen_layers},
    )
    assert here(folder) == 0

    (result,) = tiny.events(folder, "result")
    measured = result["data"]["metrics"]["valid"]
    assert (measured["f1"], measured["confusion"]) == (1.0, [[1, 0], [0, 1]])
    told = json.loads((folder / "model" / "tuned.json").read_text())
    assert told["encoder"] == ("tiny-encoder" if frozen_layers == 2 else None)
    database, name = SqliteDatabase(tmp_path / "kb.db"), "ft:tiny-encoder:citewell::1"
    database.writing(store, name, "classify", "job/model")
    opens = partial(open_embedder, cache_dir=tmp_path, threads=1, batch_size=1)
    intents = Intents(database, tmp_path, encoder.parent, Embedders("hash", opens))
    assert [intents.of(name, each.prompt) for each in NEW] == [each.label for each in NEW]
    database.close()


def test_rows_without_labels_train_no_classifier(encoder: Path, tmp_path: Path, here: Train):
    folder = tiny.job_folder(tmp_path / "job", encoder, tiny.facts(), task="classify")

    assert here(folder) == 1
    assert tiny.events(folder, "error")[0]["data"]["code"] == "rows_all_masked"


def test_names_are_found_in_a_new_text(encoder: Path, tmp_path: Path, here: Train):
    names = [
        ("li bai", "li bai wrote the order"),
        ("du fu", "the order of du fu"),
        ("du fu", "du fu wrote back"),
        ("li bai", "hello li bai"),
    ]
    rows = [row(text, json.dumps({"poet": [name]})) for name, text in names]
    held_out = [row("du fu wrote the order", json.dumps({"poet": ["du fu"]}))]
    folder = tiny.job_folder(
        tmp_path / "job",
        encoder,
        rows,
        held_out={"valid": held_out},
        task="extract",
        hyperparameters=FAST | {"n_epochs": 40, "learning_rate": 2e-3},
    )
    assert here(folder) == 0

    (result,) = tiny.events(folder, "result")
    assert result["data"]["metrics"]["valid"]["f1"] == 1.0
    config = json.loads((folder / "model" / "config.json").read_text())
    assert set(config["id2label"].values()) == {"O", "B-poet", "I-poet"}
