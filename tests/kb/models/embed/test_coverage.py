"""How well a vocabulary knows a text."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from kb.models.embed.coverage import Coverage
from kb.models.embed.embedders import open_embedder
from kb.models.embed.tokenizer import ModelTokenizer


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    cache = tmp_path_factory.mktemp("models")
    return open_embedder("bundled-en", cache_dir=cache, threads=1, batch_size=4).coverage


def coverage_of(tokens):
    ids = {token: number for number, token in enumerate(["[UNK]", *tokens])}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return Coverage(ModelTokenizer(tokenizer))


def test_a_word_counts_one_over_its_pieces_and_weighs_its_letters():
    coverage = coverage_of(["pay", "un", "##paid", "x"])

    # pay: 3 letters in 1 piece; unpaid: 6 letters in 2 pieces.
    assert coverage("pay unpaid") == pytest.approx((3 * 1 + 6 / 2) / (3 + 6))


def test_unknown_words_count_nothing():
    assert coverage_of(["pay"])("pay zzz") == pytest.approx(3 / 6)


def test_digits_and_signs_are_neutral():
    coverage = coverage_of(["pay"])

    assert coverage("pay 12345 !?") == 1.0
    assert coverage("2024") == 1.0
    assert coverage("") == 1.0


def test_characters_of_unspaced_scripts_count_the_size_of_their_vocabulary():
    some_han = [chr(0x4E00 + number) for number in range(300)]
    most_han = [chr(0x4E00 + number) for number in range(7000)]

    assert coverage_of(some_han)("一丁七") == pytest.approx(300 / 3000)
    assert coverage_of(most_han)("一丁七") == 1.0
    assert coverage_of(some_han)("一龍") == pytest.approx((300 / 3000 + 0) / 2)


def test_mixed_text_weighs_a_character_like_two_and_a_half_letters():
    coverage = coverage_of(["hello", "一"])

    assert coverage("hello一一") == pytest.approx((5 * 1 + 2 * 2.5 / 3000) / (5 + 2 * 2.5))


@pytest.mark.parametrize(
    "text",
    [
        "How long is the notice period of the rental contract?",
        "The committee approved the annual budget after a short discussion.",
    ],
)
def test_the_english_model_knows_english(english, text):
    assert english(text) > 0.8


@pytest.mark.parametrize(
    "text",
    [
        "Wie lange ist die Kündigungsfrist für den Mietvertrag?",
        "Der Ausschuss genehmigte den Jahreshaushalt nach kurzer Beratung.",
        "¿Cuál es el plazo de preaviso del contrato de alquiler?",
    ],
)
def test_the_english_model_knows_other_latin_languages_less(english, text):
    assert 0.1 < english(text) < 0.7


@pytest.mark.parametrize(
    "text",
    [
        "租赁合同的通知期限是多长时间?",
        "この契約の解約予告期間はどのくらいですか。",
        "임대 계약의 해지 통지 기간은 얼마입니까?",
        "ระยะเวลาแจ้งล่วงหน้าของสัญญาเช่า",
    ],
)
def test_the_english_model_does_not_know_east_asian_scripts(english, text):
    assert english(text) < 0.15
