"""An embedder behind a URL, against a server that speaks every style and fails as it is told."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import pytest
from pydantic import SecretStr

from kb.errors import ModelUnavailable, Rejected, TextTooLong
from kb.models.embed.hash_embedder import HashEmbedder
from kb.models.embed.packed_model import FILE, packed_tokenizer
from kb.models.embed_url import url_embedder
from kb.models.embed_url.styles import style_of
from kb.models.embed_url.url_embedder import UrlEmbedder
from kb.settings_sections import EmbeddingSettings
from tests.embedding_server import STYLES, embedding

TEXTS = [f"passage number {number} of the handbook" for number in range(100)]
EXPECTED = HashEmbedder().embed_documents(TEXTS)
TOKENIZER = cache(partial(packed_tokenizer, FILE))
PASSING = [429, 503, 500, 424, (429, "0"), (503, "0.01"), "cut"]


@pytest.fixture(autouse=True)
def _one_tokenizer(monkeypatch):
    """Opened once, for that takes a second."""
    monkeypatch.setattr(url_embedder, "packed_tokenizer", lambda _: TOKENIZER())


@contextmanager
def opened(style="openai", *, known="", named="", key="", max_tokens=8192, **options):
    """A server and an embedder that asks it."""
    with embedding(style, key=key, max_tokens=max_tokens) as server:
        options = {"model": "m", "base_url": server.url, "style": style, **options}
        embedder = UrlEmbedder("m", EmbeddingSettings(**options), known=known, named=named)
        yield server, embedder
        embedder.close()


@pytest.mark.parametrize("style", STYLES)
def test_batches_hold_what_a_server_takes_and_rows_keep_their_order(style):
    with opened(style) as (server, embedder):
        vectors = embedder.embed_documents(TEXTS)

    assert (vectors * EXPECTED).sum(axis=1) == pytest.approx(np.ones(100), abs=1e-5)
    assert sum(map(len, server.texts)) == 100 + (style == "never")
    assert len(server.requests) == {"tei": 4, "voyage": 1}.get(style, 2)


def test_a_batch_holds_no_more_tokens_than_a_server_takes(monkeypatch):
    long = ["many words " * 100] * 60  # about 200 tokens each
    with opened("tei") as (server, embedder):
        embedder.embed_documents(long)

    assert max(len(texts) for texts in server.texts) < 32 + 1
    assert all(len(texts) * 200 <= 16_000 for texts in server.texts)


def test_several_requests_run_side_by_side_and_no_more_than_is_set():
    with opened(batch_size=10, requests=5, dimensions=64) as (server, embedder):
        server.meeting = threading.Barrier(5)  # each waits until five are there
        embedder.embed_documents(TEXTS)

    assert server.together == 5
    assert len(server.requests) == 10


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_what_may_pass_is_tried_again(style, fault):
    with opened(style, requests=1) as (server, embedder):
        server.faults.extend([fault, fault])
        vectors = embedder.embed_documents(TEXTS[:3])

    assert (vectors * EXPECTED[:3]).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert len(server.requests) == 3
    assert embedder.away is None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("fault", ["few", "nan", "words", 302, 404])
def test_an_answer_that_is_not_a_vector_for_each_text_is_refused_in_our_own_words(style, fault):
    with opened(style, dimensions=64) as (server, embedder):
        server.faults.extend([fault] * 9)
        with pytest.raises(ModelUnavailable) as caught:
            embedder.embed_documents(TEXTS[:3])

    assert caught.value.detail.startswith("The embedding server ")
    assert "KB_EMBEDDING__" in caught.value.detail
    assert "chatbot" not in caught.value.detail
    assert len(server.requests) == 1, "it is not tried again"


def test_an_index_that_comes_twice_is_refused():
    with opened() as (server, embedder):
        server.faults.append("twice")
        with pytest.raises(ModelUnavailable, match="something else"):
            embedder.embed_documents(TEXTS[:3])


def test_vectors_of_other_dimensions_never_meet():
    with opened(known="m@64") as (server, embedder):
        embedder.embed_query("one")
        server.faults.append("wide")
        with pytest.raises(ModelUnavailable, match="65 numbers, and 64 are expected"):
            embedder.embed_documents(["two"])


def test_dimensions_are_asked_for_once_and_known_ones_never():
    with opened() as (server, embedder):
        assert embedder.fingerprint == embedder.fingerprint == "m@64"
        assert len(server.requests) == 1
    with opened(known="m@64") as (server, embedder):
        assert embedder.fingerprint == "m@64"
        assert not server.requests


@pytest.mark.parametrize("style", STYLES)
def test_fewer_dimensions_are_asked_for_in_the_words_of_the_style(style):
    with opened(style, dimensions=32) as (_, embedder):
        assert embedder.embed_documents(TEXTS[:2]).shape == (2, 32)
        assert embedder.fingerprint.startswith("m@32")


def test_the_same_model_at_another_address_has_the_same_fingerprint_and_other_prompts_another():
    with opened() as (_, one), opened("tei") as (_, other):
        assert one.fingerprint == other.fingerprint
    with opened(document_prompt="passage: ", query_prompt="query: ") as (server, embedder):
        embedder.embed_documents(["a"])
        embedder.embed_query("b")
        assert embedder.fingerprint not in ("m@64", "")
        assert server.texts == [["passage: a"], ["query: b"]]


def test_questions_and_passages_are_told_apart():
    for style, field in (("jina", "task"), ("cohere", "input_type"), ("voyage", "input_type")):
        with opened(style) as (server, embedder):
            embedder.embed_documents(["a"])
            embedder.embed_query("b")
            one, other = (body[field] for body in server.requests)
            assert one != other


@pytest.mark.parametrize("style", STYLES)
def test_a_text_that_the_server_finds_too_long_is_told_and_the_others_have_vectors(style):
    with opened(style, max_tokens=20) as (_, embedder):
        assert len(embedder.embed_documents([*TEXTS, "a b " * 10])) == 101
        with pytest.raises(TextTooLong, match=r"about 42 tokens.*KB_EMBEDDING__MAX_TOKENS"):
            embedder.embed_documents([*TEXTS, "a b " * 21])
        assert embedder.away is None


def test_batches_that_are_too_large_for_a_server_are_halved():
    with opened(batch_size=100) as (server, embedder):
        assert len(embedder.embed_documents(TEXTS)) == 100
    assert [len(texts) for texts in server.texts] == [100, 50, 50]


def test_a_server_that_refuses_everything_is_no_fault_of_the_text():
    with opened(dimensions=64) as (server, embedder):
        server.faults.extend([400] * 2)
        with pytest.raises(ModelUnavailable, match="refuses whatever is sent"):
            embedder.embed_documents(["a"])


def test_a_wrong_key_is_told_and_a_right_one_is_sent():
    with opened(key="right", api_key=SecretStr("right")) as (_, embedder):
        embedder.embed_query("one")
    with opened(key="right", api_key=SecretStr("wrong")) as (_, embedder):
        with pytest.raises(ModelUnavailable, match=r"refuses its key.*API_KEY") as caught:
            embedder.embed_documents(["one"])
        assert "wrong" not in caught.value.detail


def test_a_server_that_is_away_is_left_alone_and_asked_again_after_a_rest(monkeypatch):
    with opened(retries=0) as (server, embedder):
        server.faults.append(401)
        with pytest.raises(ModelUnavailable):
            embedder.embed_documents(["one"])
        with pytest.raises(ModelUnavailable, match="refuses its key"):
            embedder.embed_query("at once")
        assert embedder.away is not None
        assert len(server.requests) == 1
        monkeypatch.setattr(url_embedder, "REST_S", 0.0)
        server.faults.append(401)
        embedder._resting_until = 0.0
        with pytest.raises(ModelUnavailable):
            embedder.embed_query("again")
        embedder.embed_query("and again")
        assert embedder.away is None
        assert len(server.requests) == 3


def test_one_question_that_came_too_late_does_not_stop_the_documents():
    with opened(question_timeout_s=5) as (server, embedder):
        server.faults.append(503)
        with pytest.raises(ModelUnavailable):
            embedder.embed_query("one")
        assert embedder.away is None
        server.faults.extend([503, 503])
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                embedder.embed_query("two")
        assert embedder.away is not None


def test_who_is_asked_to_wait_for_long_lets_go_at_once():
    with opened(retries=3, requests=1, dimensions=64) as (server, embedder):
        server.faults.append((429, "3600"))
        with pytest.raises(ModelUnavailable, match="rate limited"):
            embedder.embed_documents(["one"])
        assert len(server.requests) == 1


def test_a_link_local_address_is_refused_as_it_is_written():
    with pytest.raises(Rejected, match="link-local"):
        UrlEmbedder("m", EmbeddingSettings(model="m", base_url="http://169.254.169.254/v1"))


def test_a_name_that_leads_to_a_refused_address_is_sent_nothing(monkeypatch):
    monkeypatch.setattr("kb.outbound.posting.is_refused", lambda address, _: address == "127.0.0.1")
    with opened() as (server, embedder):
        with pytest.raises(ModelUnavailable, match="link-local or metadata"):
            embedder.embed_query("one")
        assert not server.requests


@pytest.mark.parametrize(
    ("url", "style", "address"),
    [
        ("https://api.openai.com/v1", "openai", "https://api.openai.com/v1/embeddings"),
        ("http://host:8000/v1/embeddings/", "openai", "http://host:8000/v1/embeddings"),
        ("http://host:3000/embed", "tei", "http://host:3000/embed"),
        ("https://api.jina.ai/v1", "jina", "https://api.jina.ai/v1/embeddings"),
        ("https://api.cohere.com/v2", "cohere", "https://api.cohere.com/v2/embed"),
        ("https://api.voyageai.com/v1", "voyage", "https://api.voyageai.com/v1/embeddings"),
    ],
)
def test_the_style_is_told_by_the_address(url, style, address):
    found = style_of(None, url)

    assert (found.name, found.address(url)) == (style, address)
