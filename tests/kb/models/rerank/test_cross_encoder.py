"""A cross-encoder from a folder, with random weights: what counts is how it is opened and asked."""

import pytest

from kb.errors import Rejected
from kb.models.rerank.reranking import open_reranker

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "moon", "sun", "rises", "sets", "."]
OPTIONS = {"base_url": None, "api_key": None, "timeout_s": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("torch", reason="the extra models is not installed")
    import transformers

    path = tmp_path_factory.mktemp("models") / "tiny-cross-encoder"
    path.mkdir()
    (path / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(path)
    return path


@pytest.mark.models
def test_each_passage_gets_a_share_of_its_own_in_order(folder):
    reranker = open_reranker(model=folder.name, cache_dir=folder.parent, **OPTIONS)
    together = reranker.relevance("moon", ["moon rises.", "sun sets."])

    assert all(0 < score < 1 for score in together)
    assert together[1] == pytest.approx(reranker.relevance("moon", ["sun sets."])[0], abs=1e-4)
    assert reranker.relevance("moon", []) == []


def test_a_model_that_is_not_on_this_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Rejected, match="not on this machine"):
        open_reranker(model="nobody/no-such-reranker", cache_dir=tmp_path, **OPTIONS)
