"""What each way of splitting makes of a document."""

from itertools import pairwise

import pytest

from kb.errors import UnreadableFile
from tests.ingest.split.split_parts import Words, chunks, pages, read

# --- auto: numbered articles, rows -----------------------------------------------------------


def test_articles_of_a_chinese_law_are_headings_of_their_own():
    law = (
        "# 合同法\n\n## 第一章 总则\n\n第一条 为了保护当事人，制定本法。\n\n"
        "依照第二条规定办理。\n\n"
        "**第二条** 本法所称合同。\n\n第三条之一【公平】当事人应当公平。\n"
    )

    found = chunks(read(law), limit=200)

    assert [chunk.heading for chunk in found] == [
        "合同法 > 第一章 总则 > 第一条",
        "合同法 > 第一章 总则 > 第二条",
        "合同法 > 第一章 总则 > 第三条之一【公平】",
    ]
    assert "依照第二条规定办理" in found[0].text


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("§ 12 Der Vertrag gilt.", "§ 12"),
        ("Article 5 The parties agree.", "Article 5"),
        ("Article 5. The parties agree.", "Article 5."),
        ("Section 3.2 Payment is due.", "Section 3.2"),
        ("SECTION 7 Payment is due.", "SECTION 7"),
        ("第三十三条　国家保护。", "第三十三条"),
    ],
)
def test_articles_of_many_kinds_are_headings(line, title):
    found = chunks(read(f"# Law\n\nThis comes before.\n\n{line}\n\n{line} And more.\n"), limit=200)

    assert [chunk.heading for chunk in found] == ["Law", f"Law > {title}", f"Law > {title}"]


@pytest.mark.parametrize(
    "text",
    [
        "As it is laid down in\nSection 3.2 The rest follows.",
        "Section 3.2 of the contract rules.",
        "第三十三条规定的期限",
        "见\n第三十三条 规定",
        "Article 5, the parties agree.",
    ],
)
def test_references_to_articles_are_no_headings(text):
    assert [chunk.heading for chunk in chunks(read(f"# Law\n\n{text}\n"), limit=200)] == ["Law"]


CSV = "part,price\n" + "".join(f"seal{n},{n}\n" for n in range(6))


def test_rows_of_a_table_share_chunks_unless_each_is_to_have_its_own():
    together = chunks(read(CSV, "text/csv"), limit=200)
    apart = chunks(read(CSV, "text/csv"), limit=200, rows=True, overlap=20)

    assert len(together) == 1
    assert [chunk.text for chunk in apart] == [f"part: seal{n} | price: {n}" for n in range(6)]


def test_rows_of_a_markdown_table_have_its_header_and_headings_go_with_the_first():
    source = "# Parts\n\n| part | price |\n|---|---|\n| seal | 3 |\n| valve | 4 |\n\nThat is all.\n"

    found = chunks(read(source), limit=200, rows=True)

    assert [chunk.text.split("\n")[-1] for chunk in found] == [
        "| seal | 3 |",
        "| valve | 4 |",
        "That is all.",
    ]
    assert found[0].text.startswith("# Parts\n\n| part | price |\n|---|---|")
    assert found[1].index_text == "Parts\n| part | price |\n| valve | 4 |"


# --- parents and children --------------------------------------------------------------------


SECTION = (
    "# Pumps\n\n" + " ".join(f"Sentence number {n} is here." for n in range(20)) + "\n\n# B\n\nx.\n"
)


def test_children_are_small_and_return_the_section_around_them():
    found = chunks(read(SECTION), limit=200, mode="parent_child", max_tokens=20)

    of_pumps = [chunk for chunk in found if chunk.heading == "Pumps"]
    assert len(of_pumps) > 5
    (parent,) = {chunk.parent for chunk in of_pumps}
    assert parent.text == SECTION[: SECTION.index("\n\n# B")]
    assert parent.index_text == f"Pumps\n{parent.text}"
    assert all(chunk.text in parent.text for chunk in of_pumps)


def test_an_only_child_is_its_own_parent():
    assert chunks(read("# A\n\nshort.\n"), mode="parent_child")[0].parent is None


def test_parents_are_no_larger_than_they_may_be():
    found = chunks(
        read(SECTION), limit=200, mode="parent_child", max_tokens=16, parent_max_tokens=40
    )
    parents = {chunk.parent for chunk in found if chunk.parent is not None}

    assert len(parents) > 2
    assert all(len(Words().offsets(parent.text)) <= 40 for parent in parents)


def test_a_parent_may_be_one_paragraph():
    text = f"# A\n\nFirst. {'It goes on and on. ' * 4}\n\nSecond one is here."

    found = chunks(read(text), mode="parent_child", max_tokens=16, parent="paragraph", limit=200)

    assert {chunk.parent.text.split("\n")[-1][:6] for chunk in found if chunk.parent} == {"First."}
    assert found[-1].text.startswith("Second one")


# --- questions and answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "media_type"),
    [
        ("question,answer\nHow high?,Ten metres.\nHow old?,Two years.\n", "text/csv"),
        (
            "Frage\tquestion\tanswer\n1\tHow high?\tTen metres.\n2\tHow old?\tTwo years.\n",
            "text/csv",
        ),
        (
            '{"q": "How high?", "a": "Ten metres."}\n{"q": "How old?", "a": "Two years."}\n',
            "application/x-ndjson",
        ),
    ],
)
def test_the_question_is_searched_and_question_and_answer_are_returned(source, media_type):
    found = chunks(read(source, media_type), mode="qa")

    assert [chunk.index_text for chunk in found] == ["How high?", "How old?"]
    assert all(
        "Ten metres." in found[0].parent.text and "How high?" in part.text for part in found[:1]
    )
    assert found[1].parent.text.endswith("Two years.")


def test_chinese_columns_are_known_and_colons_in_an_answer_make_no_column():
    source = (
        "编号,问题,答案\n1,何时退款？,注意: 七天内 | 退款: 全额\n"
        + "2,如何联系？,打电话。\n3,在哪里？,北京。\n" * 3
    )

    found = chunks(read(source, "text/csv"), mode="qa", limit=100)

    assert found[0].text == "何时退款？"
    assert found[0].parent.text == "编号: 1 | 问题: 何时退款？ | 答案: 注意: 七天内 | 退款: 全额"


def test_a_long_question_is_cut_and_each_part_returns_the_whole():
    question = " ".join(f"Is it word {n}?" for n in range(30))

    found = chunks(read(f'question,answer\n"{question}",Yes.\nWhy?,So.\n', "text/csv"), mode="qa")

    assert len(found) > 3
    assert len({chunk.parent for chunk in found[:-1]}) == 1


def test_rows_without_an_answer_are_cut_as_usual():
    found = chunks(read("question,answer\nHow?,So.\nWhy?,\n", "text/csv"), mode="qa")

    assert [(chunk.text, chunk.parent is None) for chunk in found] == [
        ("How?", False),
        ("question: Why?", True),
    ]


def test_a_file_without_questions_says_which_columns_it_lacks():
    with pytest.raises(UnreadableFile, match="问题") as info:
        chunks(read("part,price\nseal,3\n", "text/csv"), mode="qa")
    assert info.value.code == "no_questions"


# --- overlap in all of them ------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "separator", "separator": "\n"},
        {"mode": "parent_child", "max_tokens": 40, "parent_max_tokens": 4000},
    ],
)
def test_overlap_repeats_whole_sentences(options):
    text = " ".join(f"Sentence number {n} is here." for n in range(30))

    found = chunks(pages(text), overlap=8, **options)

    assert len(found) > 3
    for before, after in pairwise(found):
        shared = before.spans[0].end - after.spans[0].start
        assert 0 < shared <= len("Sentence number 10 is here. ")
        assert after.text.startswith("Sentence number")
