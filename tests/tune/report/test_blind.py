"""The blind sheet: nobody sees whose answer it is, and what is chosen is counted for its arm."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from kb.errors import Rejected
from tune.report.blind import read_sheet, write_sheet
from tune.report.verdict import mcnemar

SIDES = ("base_retrieval", "tuned")


def report(count: int = 12, **changes: str) -> dict[str, Any]:
    answers = [
        {
            "id": str(number),
            "question": f"Question {number}?",
            "said": {
                "base_retrieval": {"text": f"long answer {number}"},
                "tuned": {"text": f"brief {number}"},
            },
        }
        for number in range(count)
    ]
    criteria = [{"name": "tone", "how": "hand"}, {"name": "form", "how": "json"}]
    arms = dict.fromkeys(SIDES)
    return {"arms": arms, "answers": answers, "plan": {"criteria": criteria}}


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def fill(path, choose) -> None:
    filled = [{**row, **choose(row)} for row in rows(path)]
    with path.open("w", encoding="utf-8", newline="") as lines:
        sheet = csv.DictWriter(lines, filled[0])
        sheet.writeheader()
        sheet.writerows(filled)


def test_sides_are_shuffled_and_named_in_the_key_alone(tmp_path):
    key = write_sheet(report(), SIDES, tmp_path / "sheet.csv")

    first = [row["answer 1"].split()[0] for row in rows(tmp_path / "sheet.csv")]
    assert set(first) == {"long", "brief"}, "either side comes first somewhere"
    assert "tuned" not in (tmp_path / "sheet.csv").read_text()
    assert "tuned" in key.read_text()
    assert list(rows(tmp_path / "sheet.csv")[0])[4:] == ["better", "tone"]


def test_choices_count_for_the_arm_that_was_on_that_side(tmp_path):
    sheet = tmp_path / "sheet.csv"
    write_sheet(report(), SIDES, sheet)

    def choose(row):
        brief = "1" if row["answer 1"].startswith("brief") else "2"
        return {"better": "=" if row["id"] == "0" else brief, "tone": "" if row["id"] else "1"}

    fill(sheet, choose)

    found = read_sheet(sheet)
    assert found == {"better": {"base_retrieval": 0, "tuned": 11, "=": 1, "p_value": 2 / 2**11}}


def test_equal_answers_are_not_asked_about(tmp_path):
    same = report(3)
    same["answers"][1]["said"] = {side: {"text": "both"} for side in SIDES}

    write_sheet(same, SIDES, tmp_path / "sheet.csv")

    assert [row["id"] for row in rows(tmp_path / "sheet.csv")] == ["0", "2"]


def test_an_answer_is_no_formula(tmp_path):
    evil = report(1)
    evil["answers"][0]["said"]["tuned"]["text"] = '=HYPERLINK("x")'

    write_sheet(evil, SIDES, tmp_path / "sheet.csv")

    (row,) = rows(tmp_path / "sheet.csv")
    assert "'=HYPERLINK" in row["answer 1"] + row["answer 2"]


def test_what_is_no_choice_and_an_arm_that_is_not_there_are_refused(tmp_path):
    sheet = tmp_path / "sheet.csv"
    with pytest.raises(Rejected, match="two of base"):
        write_sheet(report(), ("base", "tuned"), sheet)
    write_sheet(report(), SIDES, sheet)
    fill(sheet, lambda row: {"better": "left"})
    with pytest.raises(Rejected, match="question 0: better is 1, 2, = or empty"):
        read_sheet(sheet)


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1), (5, 5, 1), (6, 0, 2 / 64), (1, 9, 22 / 1024)]
)
def test_mcnemar_is_the_exact_binomial_test(gained, lost, p):
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(p)
