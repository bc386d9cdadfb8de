"""Bytes to text: found out, reported, never guessed in silence."""

import pytest

from ingest.sniff.encodings import decode, decode_declared
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


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("gb18030", "水泵的轴封需要更换。"),
        ("big5hkscs", "水泵的軸封需要更換。"),
        ("cp932", "ポンプの軸を交換してください。"),
        ("euc_jp", "ポンプの軸を交換してください。"),
    ],
)
@pytest.mark.parametrize("times", [1, 30])
def test_a_character_that_is_cut_at_the_end_changes_nothing_else(encoding, sentence, times):
    text = sentence * times

    decoded = decode(text.encode(encoding)[:-1])

    assert decoded.text == text[:-1] + "\ufffd"
    assert decoded.replaced == 1
    assert decoded.confidence < 0.9


PADDING = "The quick pump moves water, item 42.\r\n" * 400
SHORT = {
    "gb18030": ("你好，世界。", "水泵维修手册", "请把合同发给财务部门", "目录 ABC-123 └─ 附录"),
    "big5": ("你好，世界。", "幫浦維修手冊", "請將合約傳給財務部門"),
    "cp932": (
        "こんにちは",
        "ポンプの修理",
        "この契約書を経理部に送ってください。",
        "株式会社日立製作所",
    ),
    "euc_jp": ("こんにちは", "ポンプの修理", "この契約書を経理部に送ってください。"),
    "iso2022_jp": ("こんにちは", "株式会社日立製作所"),
    "cp949": ("안녕하세요", "펌프 수리 설명서", "이 계약서를 보내 주세요."),
    "cp1251": ("Привет, мир.", "Руководство по ремонту", "НАСОС", "ВНИМАНИЕ! ТОК"),
    "koi8_r": ("Привет, мир.", "Руководство по ремонту", "НАСОС"),
    "cp1252": ("déjà vu", "Größe", "¿Cómo está usted?", "Prix : 12 €", "Übergröße ÄÖÜ", "naïve"),
    "cp1250": ("Příliš žluťoučký kůň", "Zażółć gęślą jaźń", "Árvíztűrő tükörfúrógép"),
    "iso8859_2": ("Příliš žluťoučký kůň", "Zażółć gęślą jaźń"),
    "cp1253": ("Η αντλία μετακινεί το νερό",),
    "cp1254": ("İstanbul'da güneşli bir gün",),
    "cp1255": ("שלום עולם, זה ספר",),
    "cp1256": ("مرحبا بالعالم",),
    "cp874": ("สวัสดีชาวโลก",),
    "utf-16-le": ("Hello", "今天天气很好，我们去公园。", "こんにちは、世界。"),
    "utf-16-be": ("Hello", "今天天气很好，我们去公园。", "안녕하세요, 세계."),
}


@pytest.mark.parametrize(
    ("encoding", "text"), [(name, text) for name, texts in SHORT.items() for text in texts]
)
def test_a_few_words_are_enough(encoding, text):
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (name, text)
        for name, texts in SHORT.items()
        for text in texts
        if not name.startswith("utf-16")
    ],
)
def test_a_few_words_within_much_ascii_are_found_wherever_they_stand(encoding, text):
    whole = f"{PADDING * 5}{text}\r\n{PADDING}"

    assert decode(whole.encode(encoding)).text == whole


def test_rare_characters_among_common_ones_do_not_matter():
    text = CHINESE + "魑魅魍魉饕餮貔貅，龘靐齉爩。彧翀喆堃昉赟珺"

    assert decode(text.encode("gb18030")).text == text


def test_confidence_is_low_where_two_readings_are_as_likely():
    assert (
        decode("市街地".encode("euc_jp")).confidence
        < 0.8
        < decode(JAPANESE.encode("euc_jp")).confidence
    )


def test_one_byte_that_fits_nothing_is_not_ignored():
    broken = CHINESE.encode("gb18030") + b"\xff" + RUSSIAN.encode("koi8_r") + b"\x98"

    try:
        decoded = decode(broken)
    except UnreadableFile:
        return
    assert decoded.text.encode(decoded.encoding) == broken


@pytest.mark.parametrize(
    ("label", "written_as", "is_lie"),
    [
        ("gb2312", "gb18030", False),
        ("GBK", "utf-8", False),
        ("utf-8", "gb18030", True),
        ("iso-8859-1", "gb18030", True),
        ("windows-1252", "gb18030", True),
        ("big5", "gb18030", True),
        ("hz", "hz", False),
        (None, "gb18030", False),
        ("klingon", "gb18030", False),
    ],
)
def test_a_label_counts_unless_it_cannot_be_true(label, written_as, is_lie):
    decoded, lie = decode_declared(CHINESE.encode(written_as), label)

    assert decoded.text == CHINESE
    assert lie is is_lie


def test_a_short_text_is_read_as_its_label_says():
    assert decode_declared("ÄÖ".encode("cp1252"), "iso-8859-1")[0].text == "ÄÖ"


@pytest.mark.parametrize(
    "text",
    [
        "Está allí, decía José: después del café.\nStå på gården, gå åt båten.\n",
        "La riunione è lunedì, così può.\nAlla måste läsa reglerna på svenska.\n",
        "Mødet er på mandag.\nLa riunione è lunedì, così può.\n",
    ],
)
def test_a_text_that_mixes_western_languages_is_western(text):
    assert decode(text.encode("cp1252")).text == text
