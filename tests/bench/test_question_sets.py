"""Every form of question sets: what it becomes, and that positions hold after an upload."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from bench.question_sets import load
from bench.question_sets.findable import findable
from eval.types import Question, QuestionSet, Relevant, SourceDocument
from ingest.readers.plain.text import read_text
from ingest.types import ReadOptions


def texts(found: QuestionSet) -> dict[str, str]:
    return {document.name: document.content().decode() for document in found.documents}


def quoted(found: QuestionSet, question: Question) -> list[str]:
    """The characters that are relevant, cut from the page that our reader makes of the document."""
    pages = {
        name: read_text(BytesIO(text.encode()), ReadOptions()).pages[0].text
        for name, text in texts(found).items()
    }
    return [pages[part.document][part.start : part.end] for part in question.relevant]


def write_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def squad(*paragraphs: dict, title: str = "River_towns") -> dict:
    return {"version": "2.0", "data": [{"title": title, "paragraphs": list(paragraphs)}]}


def test_squad_articles_become_documents_and_answers_places(tmp_path: Path):
    first = {
        "context": "Ostrava lies on the Ostravice.",
        "qas": [{"id": "1", "question": "Where does Ostrava lie?",
                 "answers": [{"text": "the Ostravice", "answer_start": 3}]}],
    }  # fmt: skip
    second = {
        "context": "The mill burnt down. The mill was rebuilt in 1990.",
        "qas": [
            {"id": "2", "question": "What was rebuilt?",
             "answers": [{"text": "The mill", "answer_start": 21}], "is_impossible": False},
            {"id": "3", "question": "Who built it?", "answers": [], "is_impossible": True},
        ],
    }  # fmt: skip
    found = load(write_json(tmp_path / "set.json", squad(first, second)))

    assert list(texts(found)) == ["River_towns.txt"]
    assert found.language == "en"
    where, what, who = found.questions
    assert quoted(found, where) == ["the Ostravice"]
    assert (where.type, what.type, who.type) == ("where", "what", "who")
    assert quoted(found, what) == ["The mill"]
    assert what.relevant[0].start == texts(found)["River_towns.txt"].rindex("The mill")
    assert (who.answerable, who.answers, who.relevant) == (False, (), ())


def test_squad_positions_survive_decomposed_letters_and_marked_titles(tmp_path: Path):
    paragraph = {
        "context": "梅雨 [SEP] 梅雨（つゆ）は雨季の一種。Cafe\u0301 opens. Key here.",
        "qas": [{"id": "1", "question": "梅雨とは？",
                 "answers": [{"text": "Key", "answer_start": 99}]}],
    }  # fmt: skip
    found = load(write_json(tmp_path / "ja.json", squad(paragraph, title="梅雨")))

    assert found.language == "ja"
    assert quoted(found, found.questions[0]) == ["Key"]
    assert "[SEP]" not in texts(found)["梅雨.txt"]


def test_articles_of_one_title_are_kept_apart(tmp_path: Path):
    paragraph = {"context": "Text.", "qas": [{"id": "1", "question": "Why?", "answers": []}]}
    raw = squad(paragraph)
    raw["data"] *= 2
    found = load(write_json(tmp_path / "twins.json", raw))
    assert [document.name for document in found.documents] == [
        "River_towns.txt",
        "River_towns 2.txt",
    ]


def test_a_beir_folder_has_graded_whole_documents_and_only_judged_queries(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a/1", "title": "Wings", "text": "Lift."}\n{"_id": "b", "text": "Drag."}\n'
    )
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "what lifts"}\n{"_id": "q2", "text": "unjudged"}\n'
    )
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq2\tb\t1\n")
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\ta/1\t2\nq1\tb\t0\n"
    )
    found = load(tmp_path)

    assert texts(found) == {"a_1.txt": "Wings\n\nLift.", "b.txt": "Drag."}
    assert [question.id for question in found.questions] == ["q1"]
    assert found.questions[0].relevant == (Relevant("a_1.txt", grade=2.0),)


def test_hotpot_questions_point_at_their_supporting_sentences(tmp_path: Path):
    row = {
        "question": "Where was the founder of Acme born?", "answer": "Brno", "type": "bridge",
        "supporting_facts": [["Acme", 0], ["Globex", 1], ["Gone", 0]],
        "context": [["Acme", ["Globex founded Acme.", " It sells."]],
                    ["Globex", ["Globex paints.", " It was born in Brno."]]],
    }  # fmt: skip
    found = load(write_json(tmp_path / "hops.json", [row]))

    assert quoted(found, found.questions[0]) == ["Globex founded Acme.", " It was born in Brno."]
    assert found.questions[0].type == "bridge"


def test_trec_topics_are_counted_where_their_numbers_do_not_fit_the_judgements(tmp_path: Path):
    (tmp_path / "docs.xml").write_text(
        "<doc><docno>1</docno><title>flow</title><text>flow past a plate &amp; more</text></doc>\n"
        "<doc><docno>2</docno><title>heat</title><text>conduction</text></doc>"
    )
    (tmp_path / "topics.xml").write_text(
        "<top><num> 1</num><title>what flows</title></top>"
        "<top><num> 9</num><title>what\nheats</title></top>"
    )
    (tmp_path / "qrels.txt").write_text("1 0 1 1\n2 0 2 1\n2 0 1 0\n")
    found = load(tmp_path)

    assert texts(found) == {"1.txt": "flow past a plate & more", "2.txt": "heat\n\nconduction"}
    assert [(q.id, q.text, q.relevant) for q in found.questions] == [
        ("1", "what flows", (Relevant("1.txt"),)),
        ("2", "what heats", (Relevant("2.txt"),)),
    ]


def test_chunking_sets_have_exact_excerpts(tmp_path: Path):
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "talk.md").write_text("We cut fees. We fixed roads.")
    references = [
        {"content": "We cut fees.", "start_index": 0, "end_index": 12},
        {"content": "We fixed roads.", "start_index": 5, "end_index": 9},  # wrong: searched for
    ]
    quotes = json.dumps(references).replace('"', '""')
    (tmp_path / "q.csv").write_text(f'question,references,corpus_id\nWhat?,"{quotes}",talk\n')
    (question,) = load(tmp_path).questions

    assert [(part.start, part.end) for part in question.relevant] == [(0, 12), (13, 28)]
    assert (question.need, question.type) == ("all", "talk")


def test_rgb_passages_become_documents_and_lists_of_answers_parts(tmp_path: Path):
    rows = [
        {"id": 0, "query": "Who won?", "answer": "The red team", "positive": ["The red team won."],
         "negative": ["It rained."], "positive_wrong": ["The blue team won."]},
        {"id": 1, "query": "When and where?", "answer": ["May", ["Brno", "Brünn"]],
         "positive": [["In May."], ["In Brno."]], "negative": ["It rained."]},
        {"id": 2, "query": "Who?", "answer": [["The red team", "Red"]],
         "positive": ["The red team won."], "negative": []},
    ]  # fmt: skip
    path = tmp_path / "en_fact.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    found = load(path)

    assert sorted(texts(found).values()) == [
        "In Brno.",
        "In May.",
        "It rained.",
        "The red team won.",
    ]
    first, both, either = found.questions
    assert (first.answers, len(first.relevant)) == (("The red team",), 1)
    assert (both.answers, both.need) == (("May", "Brno"), "all")
    assert (either.answers, either.need) == (("The red team", "Red"), "any")


def test_prose_answers_about_files_become_figures_and_a_reference(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "Q1 ACME.txt").write_text("Sales 82,959")
    answer = "Sales were $82,959 million in 2022.\n\nSOURCE(S): Q1 ACME.txt"
    (tmp_path / "qna.csv").write_text(
        "Question,Source Docs,Question Type,Answer\n"
        f'How were sales?,*ACME*,Single,"{answer}"\n'
        'And later?,*ACME*,Single,"Fine. SOURCE(S): Q9 ACME.txt"\n'
    )
    (question,) = load(tmp_path).questions

    assert (question.answers, question.relevant) == (("82,959",), (Relevant("Q1 ACME.txt"),))
    assert question.reference == "Sales were $82,959 million in 2022."


def test_answers_about_a_novel_lose_brackets_and_lists_become_parts(tmp_path: Path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.txt").write_bytes("三国".encode("gb18030"))
    (tmp_path / "novel.txt").write_text("赵云在汉水。慕容烈与焦炳战死。")
    (tmp_path / "qa.csv").write_text(
        "difficulty,question,answer\n"
        "simple,河流叫什么？,汉水（河）。\n"
        "simple,杀了谁？,慕容烈、焦炳。\n"
        "deep,为什么？,因为天下大势。\n"
    )
    found = load(tmp_path)

    assert [q.answers for q in found.questions] == [
        ("汉水",), ("慕容烈", "焦炳"), ("因为天下大势",),
    ]  # fmt: skip
    assert [q.need for q in found.questions] == ["any", "all", "any"]
    assert [q.type for q in findable(found).questions] == ["simple", "simple"]


def test_questions_about_statutes_are_made_of_their_articles(tmp_path: Path):
    articles = "\n\n".join(
        f"第{number}条 有第{number}种违法行为的，处{number}年以下有期徒刑，并处罚金。"
        for number in "一二三四五六七八九十"
    )
    for law in ("甲法", "乙法"):
        text = f"# {law}\n\n## 第一章 总则\n\n{articles.replace('违法', law)}\n"
        (tmp_path / f"{law}.md").write_text(text)
    found = load(tmp_path)
    by_type = {question.type: question for question in found.questions}

    assert len(found.questions) == 40
    assert by_type["article"].text.endswith("条是怎么规定的？")
    asked = by_type["consequence"]
    assert asked.answers[0] in quoted(found, asked)[0]
    assert asked.text.split("，")[0] in quoted(found, asked)[0]
    assert load(tmp_path).questions == found.questions


def test_yes_and_no_are_not_findable():
    documents = [SourceDocument("a", "Yes, it opened at nine.")]
    questions = [Question("1", "?", ("yes",)), Question("2", "?", ("nine",)), Question("3", "?")]
    found = findable(QuestionSet("s", "en", documents, questions))
    assert [question.id for question in found.questions] == ["2"]


def test_a_manual_is_asked_by_the_headings_of_its_translation(tmp_path: Path):
    for language, first, second in (("en", "Run it", "Conclusion"), ("zh", "运行", "Conclusion")):
        page = f"# Page {{ #page }}\n\n## {first} {{ #run }}\n\nx\n\n## {second} {{ #end }}\n\ny\n"
        (tmp_path / language / "docs").mkdir(parents=True)
        (tmp_path / language / "docs" / "index.md").write_text(page, encoding="utf-8")

    found = load(tmp_path)

    assert list(texts(found)) == ["index.md"]
    (question,) = found.questions  # what is not translated asks nothing
    assert (question.text, question.answers) == ("运行", ("Run it",))
    assert question.relevant == (Relevant("index.md"),)
