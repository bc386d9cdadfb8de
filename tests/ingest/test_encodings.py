"""Bytes to text: found out, reported, never guessed in silence."""

import pytest

from ingest.encodings import decode
from kb.errors import UnreadableFile

CHINESE = "话说天下大势，分久必合，合久必分。这是一个关于中国历史的故事，他们都知道。" * 5
TRADITIONAL = "話說天下大勢，分久必合，合久必分。這是一個關於中國歷史的故事，他們都知道。" * 5
JAPANESE = "これは日本語の文章です。ポンプは水を動かします。" * 5
KOREAN = "이것은 한국어 문장입니다. 펌프는 물을 움직입니다. 그리고 사람이 있다." * 5
RUSSIAN = "Насос перемещает воду из одного места в другое, и это очень удобно для людей. " * 5
POLISH = "Pompa przenosi wodę bardzo szybko. Ludzie są szczęśliwi, że żyją koło zamku. " * 5
CZECH = "Čerpadlo přemísťuje vodu velmi rychle, i v létě. Lidé u zámku jsou šťastní. " * 5
GERMAN = "Die Pumpe fördert Wasser über Straßen und Häuser, auch für die Leute im Süden. " * 5
TURKISH = "Pompa suyu çok hızlı taşır, yazın bile. İnsanlar için kullanışlıdır, güzeldir. " * 5
GREEK = "Η αντλία μετακινεί το νερό πολύ γρήγορα, ακόμη και το καλοκαίρι. " * 5
FRENCH = "La pompe déplace l'eau très vite, même en été. Ça marche à côté du château. " * 5


@pytest.mark.parametrize(
    ("text", "written_as", "found"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        (FRENCH, "utf-16-be", "utf-16-be"),
        (FRENCH, "utf-32", "utf-32"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE + "㐀𠀀", "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5hkscs"),
        (JAPANESE, "cp932", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        (KOREAN, "cp949", "cp949"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8_r", "koi8_r"),
        (FRENCH, "cp1252", "cp1252"),
        (GERMAN, "cp1252", "cp1252"),
        (POLISH, "cp1250", "cp1250"),
        (CZECH, "cp1250", "cp1250"),
        (CZECH, "iso8859_2", "iso8859_2"),
        (TURKISH, "cp1254", "cp1254"),
        (GREEK, "cp1253", "cp1253"),
    ],
)
def test_encodings_are_told_apart(text, written_as, found):
    decoded = decode(text.encode(written_as))

    assert decoded.text == text
    assert decoded.encoding == found
    assert 0.5 <= decoded.confidence <= 1


def test_accents_inside_words_are_not_taken_for_greek():
    text = TURKISH + "Señor Álvarez ve Señora Ibáñez. "

    assert decode(text.encode("cp1254")).text == text


def test_one_accent_in_an_english_text_is_western_european():
    text = "A na\u00efve pump \u201cmoves\u201d water. " * 3

    assert decode(text.encode("cp1252")).text == text


def test_gb18030_is_found_behind_a_long_ascii_beginning():
    text = "# plain\n" * 20_000 + CHINESE

    assert decode(text.encode("gb18030")).text == text


def test_an_override_beats_detection():
    assert decode("é".encode("cp1252"), "latin-1").text == "é"


@pytest.mark.parametrize("encoding", ["klingon", "ascii", "rot13", "hex"])
def test_an_override_that_cannot_be_is_refused(encoding):
    with pytest.raises(UnreadableFile) as refused:
        decode(CHINESE.encode(), encoding)
    assert refused.value.code == "unknown_encoding"


def test_text_of_no_known_encoding_asks_for_its_name():
    with pytest.raises(UnreadableFile, match=r"\?encoding=") as refused:
        decode(b"\x00\x01\x02\xff\xfe\xfd" * 100)
    assert refused.value.code == "unknown_encoding"


def test_a_cut_character_is_replaced_and_counted():
    decoded = decode((CHINESE * 20).encode()[:-1])

    assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)
    assert decoded.text.endswith("\ufffd")
    assert decoded.confidence < 1
