"""Passages that hold the words of a question and do not answer it: never for sure."""

from __future__ import annotations

import pytest

from tests.kb.models.llm.test_qualifiers import grounded

RELEASES = "## 2.0\n\nNew: group bookings.\n\n## 2.2\n\nBreaking: clients of 2.0 must be rebuilt."
PLANS = "## Version 6.1\n\nAdds substitute plans."
TRIP = "The ski week is planned for May. It was booked in June. Ms Hart organises the ski week."
LIFT = "The lift was added in 1988 by the Alpine Club. On Mondays the lift is repaired."
AUFZUG = "Der Aufzug wird montags repariert. Den Keller öffnet der Hausmeister um acht."
ANTRAG = "# Urlaub\n\nAlle haben 29 Tage Urlaub. Der Antrag auf Sonderschichten geht ans Büro."
TARJETA = "Las taquillas se asignan en junio. El menú lo elabora la empresa Sabor."
FILTER_ZH = (
    "滤网每三个月更换一次。导轨由值日老师上油。系统管理员每天执行备份。员工须提前申请，批准后生效。"
)
CLUBS = """\
Club: Chess | Room: 204 | Fee: 12 EUR
Club: Junior choir | Room: Hall | Fee: 30 EUR"""
LAPTOPS = "Model: Slate Plus | Memory: 32 GB | Deposit: 85 EUR\nModel: Brix | Memory: 8 GB"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("What breaks in 2.0?", RELEASES),
        ("What breaks in version 6.1?", PLANS),
        ("What is breaking in version 6.1?", PLANS),
        ("What was removed in version 6.1?", PLANS),
        ("What does version 6.1 fix?", PLANS),
        ("Who planned the ski week?", TRIP),
        ("Who booked the ski week?", TRIP),
        ("By whom was the ski week planned?", TRIP),
        ("Who was the ski week planned by?", TRIP),
        ("Could you tell me who repairs the lift?", LIFT),
        ("Wer repariert den Aufzug?", AUFZUG),
        ("Von wem wird der Aufzug repariert?", AUFZUG),
        ("¿Quién asigna las taquillas?", TARJETA),
        ("谁更换滤网？", FILTER_ZH),
        ("滤网由谁更换？", FILTER_ZH),
        ("谁批准申请？", FILTER_ZH),
        ("An wen geht der Urlaubsantrag?", ANTRAG),
        ("Wie lange dauert der Urlaub?", "Der Urlaubsantrag dauert drei Tage."),
        ("Which room is the junior chess club in?", CLUBS),
        ("What is the fee for the chess choir?", CLUBS),
        ("How much memory does the Brix Plus have?", LAPTOPS),
        ("Was kostet es?", "Ein Bett kostet 24 Euro."),
        ("Bis wann muss er im Büro abgegeben werden?", "Schlüssel werden im Büro abgegeben."),
        ("¿Cuánto cuesta esto?", "La entrada cuesta 5 euros."),
        ("When was the lift rebuilt?", "It was rebuilt in 1990. The lift goes to the roof."),
    ],
)
def test_a_passage_with_the_same_words_about_something_else_is_no_sure_answer(query, text):
    assert grounded(query, text) != True  # noqa: E712


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("What breaks in 2.2?", RELEASES),
        ("What is new in 2.0?", RELEASES),
        ("Is a fever of 38.5 an illness?", "## 4.1 Illness\n\nA fever over 38.5 is an illness."),
        ("What does version 6.1 add?", PLANS),
        ("Who organises the ski week?", TRIP),
        ("By whom was the lift added?", LIFT),
        ("Who added the lift?", LIFT),
        ("When is the lift repaired?", LIFT),
        ("Wer öffnet den Keller?", AUFZUG),
        ("Wann wird der Aufzug repariert?", AUFZUG),
        ("¿Quién elabora el menú?", TARJETA),
        ("¿Cuándo se asignan las taquillas?", TARJETA),
        ("谁给导轨上油？", FILTER_ZH),
        ("导轨由谁上油？", FILTER_ZH),
        ("谁执行备份？", FILTER_ZH),
        ("An wen geht der Antrag auf Sonderschichten?", ANTRAG),
        ("Wie viele Urlaubstage haben alle?", ANTRAG),
        ("Which room is the junior choir in?", CLUBS),
        ("How much memory does the Slate Plus have?", LAPTOPS),
        ("Was kostet ein Bett?", "Ein Bett kostet 24 Euro."),
        ("Bis wann muss er ihn abgeben (Antrag)?", "Der Antrag ist bis Mai abgeben zu lassen."),
        ("What do guests who leave early pay?", "Guests who leave early pay 5 EUR."),
    ],
)
def test_one_that_says_it_is(query, text):
    assert grounded(query, text) is True
