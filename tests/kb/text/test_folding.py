"""One spelling stands for all spellings of the same characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text.folding import fold
from kb.text.terms import terms


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("résumé Genève", "resume Geneve"),
        ("ＡＢ－７７，ｶﾞｽ", "AB-77,ガス"),
        ("main\u00adten\u00ad\nance a\u200bb\ufeffc", "maintenance abc"),
        ("⽂件⻓⻋", "文件长车"),
        ("Ёж Άδεια İzmir ıslak", "Еж Αδεια Izmir islak"),
        ("Ørsted Łódź Đà Nẵng", "Orsted Lodz Da Nang"),
        ("مُدَرِّس كـتاب שָׁלוֹם", "مدرس كتاب שלום"),
        ("٤٢ ४२ ৪২", "42 42 42"),
        ("資料備份兩點", "资料备份两点"),
        ("12 m² 3 cm³ H₂O", "12 m2 3 cm3 H2O"),
        ("10⁶ litres, 50¹ EUR, deposit²", "10^6 litres, 50^1 EUR, deposit^2"),
        ("2½ cups", "2 1⁄2 cups"),
        ("हिन्दी が 한국어 ไทย", "हिन्दी が 한국어 ไทย"),
    ],
)
def test_these_spellings_become_one(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_composed_and_decomposed_texts_have_the_same_terms(text):
    composed = unicodedata.normalize("NFC", text)
    assert terms(unicodedata.normalize("NFD", composed)) == terms(composed)


def test_a_power_is_no_digit_of_the_number_before_it():
    assert "106" not in terms("3 x 10⁶ litres")
    assert "501" not in terms("a deposit of 50¹ EUR")
