"""Which questions lean on the ones before, and what is put in for them."""

from __future__ import annotations

import pytest

from kb.chat.follow_up.follow_ups import (
    content_words,
    is_follow_up,
    may_be_follow_up,
    rewrite_by_rule,
    usable,
)
from kb.search.asked import parts
from kb.types import Turn

LEANING = [
    "How long is it?", "Why?", "But why?", "And the sun?", "And for managers?", "For managers?",
    "What about part-time employees?", "How about now?", "Who wrote it?", "How old is he?",
    "How do I install it on Windows?", "When was he born?", "What is its capital?",
    "Can they be returned after 30 days?", "Which country is it in?", "What does this mean?",
    "Is that enough for managers?", "Tell me more", "Can you give me an example?",
    "In the first six months?", "And in Germany for part-time employees?", "What happened then?",
    "How many people live there?", "And if I resign?", "Which one is cheaper?",
    "它有多重？", "经理呢？", "那英国呢？", "为什么？", "那要多久？", "如何安装它？",
    "他什么时候去世？", "这是什么？", "这个期限有多长？", "还有其他要求吗？", "谁发明了它？",
    "该公司成立于何时？",
    "其首都是哪里？", "那病假呢？", "如果我在试用期辞职呢？",
    "还有呢？", "能举个例子吗？", "他们的工资是多少？",
]  # fmt: skip

SELF_CONTAINED = [
    "What is the notice period for managers?", "Is it allowed to smoke in the office?",
    "How long does it take to get a refund?", "Notice period?", "xylophone",
    "What is it called when the moon covers the sun?", "What time is it in Tokyo?",
    "When employees leave, do they get paid?", "What should a manager do before he signs?",
    "Which employees lose their bonus?", "Who moved his court to Krakow?",
    "How many kinds of cells are there?", "And when does the sun set?",
    "And how long is the notice period for managers?", "So what is the notice period?",
    "Does this app support PDF?", "What can this assistant do?",
    "Can I claim the expenses that I paid myself?", "In which country was Goethe born?",
    "How much is one share of the company worth?", "How do plants make their food?",
    "试用期是多久？", "员工离职时他需要做什么？", "那不勒斯有多少人口？", "年假怎么算呢？",
    "其他假期有哪些？",
    "吉他怎么调音？", "那病假有几天？", "那周末可以加班吗？", "小明问他的老师什么问题？",
    "这个应用支持PDF吗？", "其中最高的山峰是哪座？", "阿司匹林和他汀类药物可以一起吃吗？",
]  # fmt: skip

OTHER_LANGUAGES = [
    "Also gibt es eine Probezeit?", "Können Sie das erklären?", "その山の高さは？",
    "Wie beantrage ich Urlaub?", "Gilt das Rauchverbot im Hof?", "Wie ist das WLAN-Passwort?",
    "Was ist mit dem Dienstwagen zu beachten?", "Wie lange dauert die Probezeit?",
    "¿Cómo solicito vacaciones?", "¿Cuánto cuesta el aparcamiento?", "¿Dónde está la recepción?",
    "Combien coûte le parking ?", "Chi approva le ferie?", "Approval?", "Who signs invoices?",
    "怎么报销？", "如何请假？", "年假怎么申请？", "期限？", "谁批准年假？",
    "有給休暇はいつまでに申請しますか？", "経費はどう精算しますか？", "送料はいくら？",
    "パスワードの変更方法", "何時に開きますか？",
]  # fmt: skip

LEANING_ELSEWHERE = [
    "Who decides?", "How do I apply?", "Until when can I extend?",
    "Wer genehmigt?", "Wer muss das genehmigen?", "Bis wann kann ich verlängern?",
    "Und für Praktikanten?", "Was ist mit Praktikanten?", "Wie ist es bei der Elternzeit?",
    "Gilt das auch für Fahrer?", "¿Y para los becarios?", "¿Cómo se solicita?",
    "¿Hasta cuándo se puede ampliar?", "¿Quién tiene que aprobarlo?", "¿Qué pasa con Oslo?",
    "Qui doit approuver ?", "Chi decide?",
    "可以延到什么时候？", "那实习生呢？", "需要谁批准？", "怎么申请？", "要提前多久申请？",
    "由谁审批？",
    "いつまで延長できますか", "誰の承認が必要ですか？", "どうやって申請しますか？",
    "実習生は？", "来客の場合は？",
]  # fmt: skip

DIALOGUES = [
    ("How long is unpaid leave?", "Who approves it?"),
    ("Wie lange dauert Sonderurlaub?", "Wer genehmigt?"),
    ("¿Cuánto dura la excedencia?", "¿Cómo se solicita?"),
    ("無給休暇は最長どのくらいですか？", "誰が承認しますか？"),
]

BEFORE = (Turn("What is the notice period for managers?", "Eight weeks. [1]"),)


@pytest.mark.parametrize("query", LEANING)
def test_a_question_that_points_back_or_leaves_out_its_subject_leans(query: str):
    assert is_follow_up(query)


@pytest.mark.parametrize("query", LEANING_ELSEWHERE)
def test_a_question_that_says_what_is_done_and_not_to_what_leans_in_five_languages(query: str):
    assert is_follow_up(query)


@pytest.mark.parametrize("talk", ["Thanks", "ok", "好的，谢谢", "Danke!", "Hi again"])
def test_small_talk_is_no_turn_that_a_follow_up_leans_on(talk: str):
    said = (*BEFORE, Turn("And for interns?", "Two weeks."), Turn(talk, "You are welcome."))
    assert rewrite_by_rule("Why?", said) == "Why (notice period managers interns)?"
    assert not may_be_follow_up("Why?", [Turn(talk, "You are welcome.")])


@pytest.mark.parametrize("query", ["Thanks!", "谢谢", "Auf Wiedersehen", "Hello"])
def test_no_model_is_asked_what_thanks_may_lean_on(query: str):
    assert not may_be_follow_up(query, BEFORE)


@pytest.mark.parametrize("query", [*SELF_CONTAINED, *OTHER_LANGUAGES])
def test_a_question_that_can_be_understood_alone_is_never_changed(query: str):
    assert rewrite_by_rule(query, BEFORE) == query


@pytest.mark.parametrize("query", LEANING)
def test_without_a_conversation_nothing_is_changed(query: str):
    assert rewrite_by_rule(query, ()) == query


def test_a_follow_up_gets_the_words_of_the_question_before():
    assert rewrite_by_rule("How long is it?", BEFORE) == "How long is it (notice period managers)?"
    assert rewrite_by_rule("And for managers?", BEFORE) == "And for managers (notice period)?"


@pytest.mark.parametrize(("first", "query"), [("婚假有几天？", "由谁批准？"), *DIALOGUES])
def test_what_is_put_in_stays_in_the_part_that_asks(first: str, query: str):
    assert len(parts(rewrite_by_rule(query, [Turn(first, "…")]))) == 1


def test_a_chain_of_follow_ups_goes_back_to_the_last_question_that_stands_alone():
    talk = (*BEFORE, Turn("And for interns?", "Two weeks."))
    assert rewrite_by_rule("Why?", talk) == "Why (notice period managers interns)?"
    another = (*talk, Turn("When does the canteen open?", "At noon."))
    assert rewrite_by_rule("Why?", another) == "Why (canteen open)?"


def test_a_question_about_a_person_gets_the_names_in_the_answer():
    talk = (Turn("Who wrote Hamlet?", "Hamlet was written by William Shakespeare in 1600. [1]"),)
    found = rewrite_by_rule("When was he born?", talk)
    assert found == "When was he born (wrote Hamlet William Shakespeare)?"


def test_a_chinese_follow_up_gets_the_words_of_the_question_before():
    talk = (Turn("公司的年假有几天？", "十天。"),)
    assert rewrite_by_rule("那病假呢？", talk) == "那病假呢（公司 年假）？"
    assert content_words("试用期员工的工资是多少？") == ["试用期员工", "工资"]


def test_a_long_question_brings_what_it_needs():
    long = "Is it so " + "that the committee decides about every request of this kind " * 2
    assert rewrite_by_rule(long, BEFORE) == long


RENT = (Turn("What is the rent of the office in New York in 2024?", "4,000 dollars. [1]"),)


def test_what_a_follow_up_puts_in_place_of_something_leaves_that_out():
    assert rewrite_by_rule("And in Oslo?", RENT) == "And in Oslo (rent office 2024)?"
    assert rewrite_by_rule("And in 2025?", RENT) == "And in 2025 (rent office New York)?"


@pytest.mark.parametrize("query", ["Und in Oslo?", "¿Y en Oslo?", "Et à Oslo ?", "E a Oslo?"])
def test_a_few_words_after_and_lean_in_other_languages_too(query: str):
    assert rewrite_by_rule(query, RENT).startswith(f"{query.rstrip(' ?')} (")


@pytest.mark.parametrize(
    "query", ["When does the canteen open?", "How long is parental leave?", "食堂几点开门？"]
)
def test_no_model_is_asked_about_a_question_that_stands_by_itself(query: str):
    assert not may_be_follow_up(query, BEFORE)


@pytest.mark.parametrize(
    "query", ["And in Oslo?", "Oslo?", "Why?", "产假呢？", "Gilt das in Oslo?"]
)
def test_a_model_is_asked_about_what_may_lean(query: str):
    assert may_be_follow_up(query, BEFORE)


@pytest.mark.parametrize(
    ("query", "written", "is_used"),
    [
        ("And for interns?", "What is the notice period for interns?", True),
        ("And for interns?", "What is the notice period for managers?", False),
        ("And for interns?", "The documents say nothing about the notice period.", False),
        ("Is it 14 days?", "Is the notice period for managers 14 days?", True),
        ("Is it 14 days?", "Is the notice period for managers eight weeks?", False),
        ("Does that rule hold here?", "Does the notice period for managers hold?", True),
        ("Und für Praktikanten?", "Was ist die notice period für Praktikanten?", True),
        ("Und für Praktikanten?", "What is the notice period for managers?", False),
        ("产假呢？", "notice period 产假有几天？", True),
        ("产假呢？", "notice period for managers 是多久？", False),
    ],
)
def test_a_rewriting_counts_only_if_the_words_of_the_question_survive(query, written, is_used):
    assert (usable(written, query, BEFORE) == written) == is_used
