"""How text becomes terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text.terms import asked_identifiers, plain_name, query_terms, terms
from kb.text.units import MAX_TERM_CHARACTERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  …?! \n", []),
        ("The Pumps STOPPED", ["the", "pump", "stop"]),
        ("ﬁne ＡＢＣ １２", ["fine", "abc", "12", "abc12"]),
        ("für Straße café", ["fur", "strass", "cafe"]),
        ("foo.bar_baz", ["foo.bar_baz", "foo", "bar", "baz"]),
        ("getUserName", ["getusernam", "get", "user", "name"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("e-mail", ["email", "e", "mail"]),
        ("__init__ --force", ["init", "forc"]),
        ("The end. Next", ["the", "end", "next"]),
        ("Einstein's dogs’ O'Brien", ["einstein", "dog", "obrien", "o", "brien"]),
        ("C++ C# c", ["c++", "c#", "c"]),
        ("12,000", ["12000", "12", "000"]),
        ("1.5.9", ["1.5.9", "1", "5", "9"]),
        ("co\u00adoperate", ["cooperat"]),
        ("三国演义", ["三国", "国演", "演义", "三", "国", "演", "义"]),
        ("税", ["税"]),
        ("梅雨は", ["梅雨", "雨は", "梅", "雨"]),
        ("カタカナ ｶﾀｶﾅ", ["カタ", "タカ", "カナ", "カタ", "タカ", "カナ"]),
        ("대한민국", ["대한", "한민", "민국"]),
        ("GPT模型v2", ["gpt", "模型", "模", "型", "v2"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("a\ud83db", ["a", "b"]),
    ],
)
def test_text_becomes_these_terms(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("city", "cities"),
        ("box", "boxes"),
        ("process", "processes"),
        ("index", "indexing"),
        ("plan", "planning"),
        ("fill", "filling"),
        ("store", "stored"),
        ("API", "api's"),
        ("wi-fi", "Wi‑Fi".replace("‑", "-")),
    ],
)
def test_forms_of_a_word_are_one_term(one, other):
    assert terms(one)[0] == terms(other)[0]


@pytest.mark.parametrize(
    ("one", "other"), [("C", "C++"), ("bus", "bu"), ("status", "stat"), ("3", "3.5")]
)
def test_other_words_stay_apart(one, other):
    assert terms(one)[0] != terms(other)[0]


def test_function_words_are_left_out_of_a_question():
    assert query_terms("What is the capital of the country?") == {"capital": 1.0, "country": 1.0}


def test_a_question_of_function_words_keeps_them():
    assert list(query_terms("To be")) == ["to", "be"]


def test_a_han_character_counts_half_of_a_pair():
    assert query_terms("三国 x") == {"三国": 1.0, "三": 0.5, "国": 0.5, "x": 1.0}


@given(st.text())
def test_any_text_gives_terms_without_spaces_of_bounded_length(text):
    for term in terms(text):
        assert term
        assert not any(character.isspace() for character in term)
        # Case folding and decomposition may lengthen a word that was cut before them.
        assert len(term) <= 4 * MAX_TERM_CHARACTERS


@given(st.text())
def test_a_question_asks_for_terms_that_a_text_of_the_same_words_holds(text):
    assert set(query_terms(text)) <= set(terms(text))


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a-" * 100_000, "a" + "-" * 200_000, "1," * 100_000]
)
def test_an_endless_word_is_cut_up(text):
    assert all(len(term) <= MAX_TERM_CHARACTERS for term in terms(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("第三十五条", "第35条"),
        ("第一百零二條", "第102条"),
        ("第十章", "第10章"),
        ("第二〇二页", "第202页"),
        ("Article 5", "article 5"),
        ("Section 3.2", "SECTION 3.2."),
    ],
)
def test_a_numbered_part_is_one_term_however_its_number_is_written(one, other):
    assert len(asked_identifiers(one)) == 1
    assert asked_identifiers(one) == asked_identifiers(other)
    assert asked_identifiers(one) <= set(terms(other))


def test_other_numbers_and_other_parts_are_other_terms():
    texts = ("第三十五条", "第三十条", "第三十五章", "Article 35", "Section 35")
    assert len({term for text in texts for term in asked_identifiers(text)}) == 5


def test_a_question_for_a_number_is_not_drowned_by_the_pieces_of_that_number():
    found = query_terms("《工会法》第三十五条")
    assert found["§条35"] > 2
    assert not {"三十", "十五", "五条"} & set(found)


@pytest.mark.parametrize(
    "question", ["JAXR是什么？", "JAXR是什么时候的？", "JAXRは何ですか", "谁写了JAXR？"]
)
def test_words_of_asking_are_left_out_where_no_blanks_set_them_apart(question):
    found = query_terms(question)
    assert "jaxr" in found
    assert not {"什么", "是什", "何で", "です", "谁写"} & set(found)


def test_a_question_of_nothing_but_asking_keeps_its_terms():
    assert query_terms("为什么？")


def test_a_documents_name_is_searched_without_its_ending():
    assert plain_name("laws/Trade Union Act.md") == "laws/Trade Union Act"
    assert plain_name("v1.2 release notes") == "v1.2 release notes"


@given(st.text(st.characters(max_codepoint=0x2BFF, exclude_categories=["Cs"])))
def test_the_fast_way_for_plain_text_gives_the_same_terms(text):
    assert terms(f"{text}\n\n税") == [*terms(text), "税"]
