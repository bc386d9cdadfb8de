"""A passage that lacks what a question is about is shown as the closest one, not as the answer."""

from __future__ import annotations

import pytest

from kb.models.llm.extractive import extractive_answer
from kb.text.fixed_sentences import fixed_sentence
from kb.types import EndPiece, Source, TextPiece
from tests.kb.models.llm.test_extractive import source
from tests.kb.models.llm.test_statements import told

WEAK = fixed_sentence("weak", "en")

LEAVE = "# Holidays\n\nGardeners have 24 days of paid holiday per year. They ask for it in writing."
OPENING = "The garden opens at 9:00. The frost starts on day 12."
LEAVE_ZH = "园丁每年享有八天年假。试用期为三个月。门禁卡遗失须拨打电话5150。"
LEAVE_DE = "Die Probezeit beträgt drei Monate. Der Urlaub beträgt 24 Tage."
LEAVE_ES = "Los jardineros tienen 24 días de vacaciones al año."
LEAVE_JA = "庭師の年次休暇は24日です。"


def grounded(query: str, *texts: str) -> object:
    sources = [source(n, text) for n, text in enumerate(texts, start=1)]
    *_, end = extractive_answer(query, sources)
    assert isinstance(end, EndPiece)
    return end.grounded


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("How many days of paid holiday do gardeners have?", LEAVE),
        ("How many days of holiday do gardeners get per year?", LEAVE),
        ("How do gardeners ask for a holiday?", LEAVE),
        ("paid holiday", LEAVE),
        ("年假有几天？", LEAVE_ZH),
        ("试用期多长？", LEAVE_ZH),
        ("门禁卡丢了打什么电话？", LEAVE_ZH),
        ("Wie lange ist die Probezeit?", LEAVE_DE),
        ("Wie viele Urlaubstage habe ich?", LEAVE_DE),
        ("¿Cuántos días de vacaciones tienen los jardineros?", LEAVE_ES),
        ("年次休暇は何日ですか。", LEAVE_JA),
    ],
)
def test_what_says_all_that_is_asked_about_is_an_answer(query, text):
    assert grounded(query, text) is True


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("How many days of unpaid holiday do gardeners have?", LEAVE),
        ("How many days of paid holiday did gardeners have in 2017?", LEAVE),
        ("How many days of paid holiday do apprentices have?", LEAVE),
        ("When does the garden close?", OPENING),
        ("On which day does the frost end?", OPENING),
        ("How many days of paid holiday are there for volunteers?", LEAVE),
        ("How many days of paid holiday do gardeners have per month?", LEAVE),
        ("How many days of paid holiday per week?", LEAVE + " It is asked for two weeks ahead."),
        ("Who approves the paid holiday?", LEAVE),
        ("实习生年假有几天？", LEAVE_ZH),
        ("婚假有几天？", LEAVE_ZH),
        ("Wie lange ist die Probezeit für Aushilfen?", LEAVE_DE),
        ("¿Cuántos días de vacaciones tienen los becarios?", LEAVE_ES),
        ("実習生の年次休暇は何日ですか。", LEAVE_JA),
    ],
)
def test_a_word_that_is_missing_makes_the_closest_passage_of_it(query, text):
    assert grounded(query, text) != True  # noqa: E712


def test_what_another_section_says_does_not_make_up_for_it():
    text = f"{LEAVE}\n\n# Illness\n\nWho is sick stays at home and calls the office."
    assert told("How many days of sick holiday do gardeners have?", text).startswith(WEAK)


def test_words_that_only_ask_are_not_missing():
    text = "The deposit for a locker is 30 EUR. Who has lost a badge rings the porter on 2240."
    assert told("How high is the deposit for a locker?", text) == (
        "The deposit for a locker is 30 EUR. [1]"
    )
    assert told("What does a locker cost as a deposit?", text).startswith("The deposit")
    assert "2240" in told("What do I do when I lose my badge?", text)


def test_the_title_of_a_document_alone_answers_nothing():
    text = "# Boat house\n\n## Rules\n\nRowers sign in at the desk.\n\n## Fees\n\n30 EUR a year."
    assert told("How large is the boat house?", text).startswith(WEAK)
    assert told("What are the fees?", text) == "30 EUR a year. [1]"


def test_a_kind_and_a_verb_may_not_both_be_missing():
    text = "The new kiosk of the museum sells tickets and maps."
    assert told("Which languages does the new kiosk speak?", text).startswith(WEAK)
    assert told("Which tickets does the new kiosk offer?", text).startswith("The new kiosk")


NOVEL = "Ida Holt wrote six novels. She kept bees. Her first cookbook was printed in 1979."


def test_a_name_may_stand_a_sentence_before_which_is_quoted_too():
    said = told("In which year was the first cookbook of Ida Holt printed?", NOVEL)
    assert said.startswith("Ida Holt wrote six novels. [1]")
    assert said.endswith("Her first cookbook was printed in 1979. [1]")


def test_another_word_or_section_does_not_count_so():
    assert told("In which year was the second cookbook of Ida Holt printed?", NOVEL).startswith(
        WEAK
    )
    apart = NOVEL.replace("She kept", "\n\n# Others\n\nShe kept")
    assert told("In which year was the first cookbook of Ida Holt printed?", apart).startswith(WEAK)
    rebuilt = "The hut was rebuilt in 1954. The terrace was added in 1988."
    assert told("When was the terrace rebuilt?", rebuilt).startswith(WEAK)


def test_an_amount_is_a_figure():
    text = "Guests wear a yellow badge and sign in at the desk."
    assert told("How much is a yellow badge?", text).startswith(WEAK)
    assert told("Who wears a yellow badge?", text).startswith("Guests")


def sites(query: str) -> str:
    sheets = {
        "house_Oslo.md": "Warden: Liv Dahl\n\nPhone: 4471",
        "house_Riga.md": "Warden: Ilze Ozola",
    }
    sources = []
    for n, (name, text) in enumerate(sheets.items(), start=1):
        heading = name.removesuffix(".md").replace("_", " ").title()
        found = source(n, text, heading=heading)
        sources.append(Source(n, found.hit))
    pieces = extractive_answer(query, sources)
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


def test_of_two_places_each_value_comes_with_the_name_of_its_place():
    assert sites("Who are the wardens of Oslo and Riga?") == (
        "House Oslo: Warden: Liv Dahl [1]\n\nHouse Riga: Warden: Ilze Ozola [2]"
    )
    assert sites("Who is the warden of Riga?") == "Warden: Ilze Ozola [2]"


def test_a_sheet_without_the_asked_value_answers_with_no_other():
    assert sites("What is the phone number of Riga?").startswith(WEAK)
    assert sites("What is the phone number of Oslo?") == "Phone: 4471 [1]"
