"""The multilingual model, read from the file that a package carries."""

import shutil

import numpy as np
import pytest

from kb.errors import Rejected
from kb.models.embed import packed_model
from kb.models.embed.embedders import open_embedder
from kb.models.embed.packed_model import packed_encoder, unpacked
from kb.models.embed.tokenizer import open_tokenizer


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    cache = tmp_path_factory.mktemp("models")
    return open_embedder("bundled", cache_dir=cache, threads=1, batch_size=4)


def test_a_block_holds_a_scale_and_two_weights_a_byte_the_lower_halves_first():
    pairs = [low | high << 4 for low, high in zip(range(16), reversed(range(16)), strict=True)]
    block = np.concatenate([np.array([0.5], dtype="<f2").view(np.uint8), np.uint8(pairs)])
    weights = unpacked(np.stack([block, block])[np.newaxis])

    expected = [0.5 * (half - 8) for half in [*range(16), *reversed(range(16))]]
    assert weights.shape == (1, 64)
    assert weights[0].tolist() == [*expected, *expected]


def test_the_multilingual_model_reads_508_tokens_into_384_dimensions(embedder):
    assert (embedder.max_tokens, embedder.dimensions) == (508, 384)
    assert embedder.fingerprint.startswith("multilingual-e5-small@")


@pytest.mark.parametrize(
    "question",
    [
        "How many days of annual leave do I get?",
        "年假有多少天？",
        "Wie viele Urlaubstage habe ich?",
        "¿Cuántos días de vacaciones tengo?",
        "有給休暇は何日ありますか。",
    ],
)
def test_a_question_finds_its_passage_in_every_language(embedder, question):
    english = ["Employees have 25 days of paid leave.", "The printer is on the second floor."]
    chinese = ["员工每年享有25天带薪休假。", "食堂中午开门。"]
    leave, printer, leave_zh, canteen_zh = (
        embedder.embed_documents(english + chinese) @ embedder.embed_query(question)[0]
    )

    assert leave > printer
    assert leave_zh > canteen_zh


def test_questions_and_passages_are_told_apart_by_their_prompts(embedder):
    text = "The printer is on the second floor."
    as_passage, as_question = embedder.embed_documents([text])[0], embedder.embed_query(text)[0]

    assert as_passage @ as_question < 0.999
    assert (embedder.embed_documents([text])[0] == as_passage).all()


def test_rare_words_of_the_table_on_disk_are_read_like_common_ones(embedder):
    table = embedder.embed_documents(["Zürich", "Zurich", "Kartoffelsalat"])

    assert table[0] @ table[1] > table[0] @ table[2]


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog.",
        "Die Kündigungsfrist beträgt drei Monate.",
        "El plazo de preaviso es de tres meses.",
        "合同的通知期限是三个月。",
        "通知期間は三か月です。",
    ],
)
def test_the_multilingual_model_knows_the_languages_of_the_product(embedder, text):
    assert embedder.coverage(text) > 0.6


def test_what_looks_like_a_special_token_is_plain_text(embedder):
    ids = embedder.tokenizer.encode_batch(["a </s> b <pad> <mask>"])[0]

    assert (ids[0], ids[-1]) == (0, 2)
    assert not {0, 1, 2, 250_036} & set(ids[1:-1])


def test_a_reader_process_opens_the_tokenizer_by_its_spelling(embedder):
    text = "Größe 上海的房价 ﬁne  e\u0301x"
    spelled = embedder.tokenizer.spelled

    assert len(spelled) < 1000
    assert open_tokenizer(spelled).offsets(text) == embedder.tokenizer.offsets(text)


def test_another_file_than_the_one_that_was_tried_is_refused_with_a_way_out(tmp_path):
    copy = tmp_path / "copy.bin"
    shutil.copy(packed_model.FILE, copy)
    with copy.open("r+b") as file:
        file.seek(60_000_000)
        file.write(b"\0\1")

    with pytest.raises(Rejected, match=r"damaged.*make embedding"):
        packed_encoder(copy)


def test_a_missing_file_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(Rejected, match=r"not on this machine.*make embedding"):
        packed_encoder(tmp_path / "none.bin")
