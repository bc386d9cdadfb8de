"""What every Embedder must do."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kb.models.embed.embedders import open_embedder
from kb.models.embed_url.url_embedder import UrlEmbedder
from kb.settings_sections import EmbeddingSettings
from tests.embedding_server import STYLES, embedding

SENTENCES = [
    "The notice period is three months.",
    "A dog barked.",
    "Paris is the capital of France, and the seat of its government since 987.",
    "",
    "合同的通知期限是三个月。",
]


@pytest.fixture(scope="module", params=["hash", "bundled", "bundled-en", *STYLES])
def embedder(request, tmp_path_factory):
    if request.param not in STYLES:
        folder = tmp_path_factory.mktemp("models")
        yield open_embedder(request.param, cache_dir=folder, threads=2, batch_size=4)
        return
    with embedding(request.param) as server:
        settings = EmbeddingSettings(model="m", base_url=server.url, style=request.param)
        opened = UrlEmbedder("m", settings)
        yield opened
        opened.close()


def similarity(one, other):
    return (one * other).sum(axis=1)


def text_of(embedder, tokens):
    text = "a " * tokens
    assert len(embedder.tokenizer.offsets(text)) == tokens
    return text


def test_vectors_are_float32_rows_of_unit_length(embedder):
    vectors = embedder.embed_documents(SENTENCES)

    assert vectors.shape == (len(SENTENCES), embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(SENTENCES)), abs=1e-5)


def test_no_texts_give_no_rows(embedder):
    assert embedder.embed_documents([]).shape == (0, embedder.dimensions)


def test_rows_come_in_the_order_of_the_texts_whatever_their_lengths(embedder):
    texts = [
        text_of(embedder, tokens) + word
        for tokens, word in zip((40, 3, 90, 1, 17, 60, 5, 2, 30), "bcdefghij", strict=True)
    ]
    together = embedder.embed_documents(texts)
    alone = np.concatenate([embedder.embed_documents([text]) for text in texts])

    assert similarity(together, alone) == pytest.approx(np.ones(len(texts)), abs=1e-3)


def test_the_same_text_has_the_same_vector_as_query_and_later(embedder):
    one = embedder.embed_query(SENTENCES[0])
    other = embedder.embed_query(SENTENCES[0])

    assert one.shape == (1, embedder.dimensions)
    assert one.dtype == np.float32
    assert similarity(one, other) == pytest.approx([1.0], abs=1e-5)


def test_a_vector_that_was_handed_out_does_not_change_with_the_next_call(embedder):
    first = embedder.embed_query("one")
    kept = first.copy()
    embedder.embed_query("something else entirely")

    assert (first == kept).all()


def test_a_question_is_nearest_to_the_text_that_shares_its_words(embedder):
    documents = embedder.embed_documents(SENTENCES[:3])
    question = embedder.embed_query("How long is the notice period?")

    assert int((documents @ question[0]).argmax()) == 0


def test_a_text_of_exactly_the_limit_is_embedded_and_one_more_token_is_refused(embedder):
    embedder.embed_documents([text_of(embedder, embedder.max_tokens)])

    with pytest.raises(ValueError, match=r"Text 1 has \d+ tokens"):
        embedder.embed_documents(["short", text_of(embedder, embedder.max_tokens + 1)])


def test_an_over_long_question_is_cut_at_the_limit(embedder):
    whole = text_of(embedder, embedder.max_tokens)
    vector = embedder.embed_query(whole + "and this is past the limit")

    assert similarity(vector, embedder.embed_query(whole)) == pytest.approx([1.0], abs=1e-3)


def test_offsets_are_ordered_spans_of_the_text_without_special_tokens(embedder):
    text = "The notice  period\nis 3 months (合同)."
    offsets = embedder.tokenizer.offsets(text)

    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)
    assert "".join(text[start:end] for start, end in offsets) == "".join(text.split())


def test_long_texts_are_counted_whole(embedder):
    assert len(embedder.tokenizer.offsets("word " * 5000)) == 5000


def test_coverage_is_a_share(embedder):
    assert all(0.0 <= embedder.coverage(text) <= 1.0 for text in SENTENCES)


def test_many_threads_get_the_vectors_of_their_own_texts(embedder):
    texts = [f"number {number} of the test" for number in range(40)]
    expected = np.concatenate([embedder.embed_query(text) for text in texts])
    documents = embedder.embed_documents(texts)
    with ThreadPoolExecutor(8) as pool:
        batches = pool.submit(embedder.embed_documents, texts)
        queries = np.concatenate(list(pool.map(embedder.embed_query, texts)))

    assert similarity(queries, expected) == pytest.approx(np.ones(40), abs=1e-3)
    assert similarity(batches.result(), documents) == pytest.approx(np.ones(40), abs=1e-3)


def test_the_fingerprint_names_model_and_revision(embedder):
    name, at, revision = embedder.fingerprint.partition("@")
    assert name
    assert at
    assert revision


def test_it_is_not_away_while_it_answers(embedder):
    embedder.embed_query("one")

    assert embedder.away is None


def test_its_calibration_has_a_scale(embedder):
    assert embedder.calibration.near > embedder.calibration.far
