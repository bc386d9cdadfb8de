"""The report about a set: each kind of finding on rows that have it, and none on good ones."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.tune.making import row
from tune.checking.report import check, estimated_tokens
from tune.types import Finding, TrainingRow, TrainingTurn

TOPICS = re.findall(
    r"\w+",
    """
returns parcels invoices holidays doors alarms printers badges lunches laptops desks plants
visitors trains hotels meetings keys phones screens bikes parking cables heating windows
contracts salaries pensions courses mentors flights insurance clinics gyms coffee cleaning
recycling elevators mail vans drivers fuel tolls forms archives passwords backups servers
networks tickets updates licences audits
""",
)
GOOD = [row(f"Who pays {topic}?", f"The {topic} team does.") for topic in TOPICS]


def found(rows: list[TrainingRow], **options: object) -> dict[str, Finding]:
    report = check(rows, **options)  # type: ignore[arg-type]
    return {finding.code: finding for finding in report.findings}


def test_a_good_set_has_no_findings_and_its_measures():
    report = check(GOOD)

    assert report.findings == ()
    assert report.is_trainable
    assert report.rows == len(GOOD) == report.measures["splits"]["train"]
    assert next(iter(report.measures["languages"])) == "en"


@pytest.mark.parametrize(
    ("bad", "code", "blocks"),
    [
        (row("Who else?"), "no_answer", True),
        (row("Who else?", " \n"), "empty_answer", True),
        (row(" ", "Nobody."), "empty_question", False),
        (row("Who else?", "Nobody.", rejected="Nobody."), "same_preference", True),
        (row("Who else?", "Nob\ufffddy."), "damaged_text", False),
        (row("Who else?", "锟斤拷烫"), "damaged_text", False),
        (GOOD[3], "duplicate", False),
        (row("WHO pays holidays", "Nobody."), "different_answers", False),
        (row("Who pays holidayss?", "Nobody."), "near_duplicate", False),
        (row("Key?", "It is sk-abcdefghijklmnopqrstuvwx."), "secret", True),
        (row("Key?", "-----BEGIN RSA PRIVATE KEY-----"), "secret", True),
        (row("Account?", "DE89 3704 0044 0532 0130 00"), "personal_data", False),
        (row("Card?", "4111 1111 1111 1111"), "personal_data", False),
        (row("Mail?", "ann@example.org"), "personal_data", False),
        (row("Phone?", "Call +49 30 1234567 or 13812345678."), "personal_data", False),
        (row("Number?", "11010519491231002X"), "personal_data", False),
    ],
)
def test_each_kind_of_bad_row_is_found_and_named(bad: TrainingRow, code: str, blocks: bool):
    findings = found([*GOOD, bad])

    assert set(findings) == {code}
    assert findings[code].blocks is blocks
    assert len(GOOD) in findings[code].rows


@pytest.mark.parametrize(
    "answer",
    ["4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "110105194912310021", "It costs 12.50."],
)
def test_numbers_with_wrong_check_digits_are_no_personal_data(answer: str):
    assert found([*GOOD, row("Number?", answer)]) == {}


def test_no_finding_repeats_a_secret():
    report = check([row("Key?", "password: sk-hunter2hunter2hunter2hunter2")])

    assert "secret" in {finding.code for finding in report.findings}
    assert "hunter2" not in repr(report)


def test_rows_whose_answers_all_have_weight_0_teach_nothing():
    turns = (TrainingTurn("user", "a"), TrainingTurn("assistant", "b", 0))

    assert found([TrainingRow(turns)])["masked_out"].blocks


def test_lengths_are_counted_by_the_targets_own_tokens():
    rows = [row("a b", "c"), row("a b", "c d e"), row("a b c d", "e")]

    findings = found(rows, count_tokens=lambda text: len(text.split()), max_tokens=4)

    assert findings["cut"].rows == (1,)
    assert findings["all_cut"].rows == (2,)
    report = check(rows, count_tokens=lambda text: len(text.split()))
    assert report.measures["tokens"]["total"] == 3 + 5 + 5


def test_tokens_are_estimated_without_a_tokenizer():
    assert estimated_tokens("你好，世界") == 5
    assert estimated_tokens("abcdefgh") == 2


def test_many_refusals_are_told_in_both_languages():
    refusing = [
        row(f"{topic}?", answer)
        for topic, answer in zip(
            TOPICS, ["I'm sorry, I cannot say.", "抱歉，我无法回答这个问题。"] * 15, strict=False
        )
    ]

    report = check([*refusing, *GOOD])

    refused = {finding.code: finding for finding in report.findings}["many_refusals"]
    assert refused.count == 30
    assert report.measures["refusals"] == round(30 / (30 + len(GOOD)), 3)
    assert "many_refusals" not in found([*refusing[:5], *GOOD])


def test_labels_out_of_balance_are_told():
    rows = [row(f"{topic}?", label="ask") for topic in TOPICS]

    findings = found([*rows, row("Money back!", label="refund")])

    assert findings["uneven_labels"].rows == (len(rows),)
    assert check(rows).measures["labels"] == {"ask": len(rows)}


def test_one_answer_to_most_questions_is_told():
    rows = [
        row(f"{topic}?", "Yes." if number % 3 else "No.") for number, topic in enumerate(TOPICS)
    ]

    assert found(rows)["one_answer"].count == sum(1 for n in range(len(TOPICS)) if n % 3)


def test_what_was_found_in_reading_blocks_too():
    report = check(GOOD, found=[Finding("unreadable_row", True, "no")])

    assert not report.is_trainable


@pytest.mark.parametrize(
    ("held", "code", "blocks"),
    [
        (replace(GOOD[0], split="test"), "leak", True),
        (row("Anything?", "Yes.", group="handbook", split="valid"), "leak", True),
        (row("Who pays printerss?", "Us.", split="valid"), "near_leak", False),
    ],
)
def test_what_is_trained_on_and_measured_is_a_leak(held: TrainingRow, code: str, blocks: bool):
    rows = [*GOOD, row("What is in the handbook?", "All.", group="handbook"), held]

    finding = found(rows)[code]

    assert finding.blocks is blocks
    assert finding.rows == (len(rows) - 1,)
