"""What is taken of a model's reply."""

from kb.search.expansion import MAX_QUERIES, passage, wordings


def test_each_line_is_a_wording_without_its_number_and_quotes():
    written = '1. "notice period"\n2) how long before leaving\n- 解約の予告期間\n\nnotice period\n'
    expected = ("notice period", "how long before leaving", "解約の予告期間")
    assert wordings(written, "When must I give notice?") == expected


def test_the_question_itself_and_a_flood_are_left_out():
    assert wordings("Why?", "Why?") == ()
    assert len(wordings("\n".join(f"wording {n} is" for n in range(50)), "x")) == MAX_QUERIES


def test_a_passage_is_one_paragraph():
    assert passage(" The notice\n\n period is  a month. ") == "The notice period is a month."
