"""What every KeywordIndex must do."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kb.index.keywords import TantivyKeywords
from kb.protocols import IndexKey

KEY = IndexKey("d1", 1)
IMPLEMENTATIONS = [pytest.param(TantivyKeywords, id="tantivy")]


@pytest.fixture(params=IMPLEMENTATIONS)
def index(request, tmp_path):
    index = request.param(tmp_path, open_limit=4)
    yield index
    index.close()


def found(hits):
    return [hit.chunk_id for hit in hits]


def test_an_index_that_was_never_written_is_empty(index, tmp_path):
    index.remove(KEY, ["doc.1.1.0"])
    index.drop(KEY)

    assert index.query(KEY, "anything", 5) == []
    assert index.ids(KEY) == set()
    assert list(tmp_path.iterdir()) == []


def test_any_word_of_the_question_finds_and_more_and_rarer_words_come_first(index):
    filler = [(f"f.1.1.{n}", "the pump stands in the hall") for n in range(5)]
    index.upsert(
        KEY, [*filler, ("both", "the pump has a red valve"), ("one", "a valve was closed")]
    )

    hits = index.query(KEY, "pump valve", 3)

    assert found(hits)[:2] == ["both", "one"]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.score > 0 for hit in hits)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("三国演义的作者是罗贯中。", "谁是作者？"),
        ("日本で梅雨がないのは北海道である。", "梅雨がない地方はどこ"),
        ("서울은 대한민국의 수도이다.", "대한민국 수도"),
        ("กรุงเทพเป็นเมืองหลวงของประเทศไทย", "เมืองหลวง"),
        ("Die Prüfung der Straße", "prufung strasse"),
        ("call foo.bar_baz() first", "What is foo.bar_baz?"),
        ("Einstein's theories", "theory by einstein"),
        ("the tax of 12,000 dollars", "12000"),
    ],
)
def test_words_are_found_in_every_script_and_spelling(index, text, question):
    index.upsert(KEY, [("right", text), ("other", "nothing of that kind 无关 関係 무관")])

    assert found(index.query(KEY, question, 5)) == ["right"]


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "body:(",
        "a AND",
        "id:doc*",
        "NOT (x",
        "[1 TO",
        "C:\\path^2~",
        "+-!{}",
        "\ud83d pump",
        "\x00",
    ],
)
def test_signs_that_query_languages_know_are_ordinary_text(index, question):
    index.upsert(KEY, [("doc.1.1.0", 'x "quoted" pump')])

    assert set(found(index.query(KEY, question, 5))) <= {"doc.1.1.0"}


@pytest.mark.parametrize("text", ["", "   ", "?!…", "\n"])
def test_a_question_without_words_finds_nothing(index, text):
    index.upsert(KEY, [("doc.1.1.0", "words"), ("doc.1.1.1", text)])

    assert index.query(KEY, text, 5) == []
    assert index.ids(KEY) == {"doc.1.1.0", "doc.1.1.1"}


def test_a_question_of_function_words_only_still_finds(index):
    index.upsert(KEY, [("doc.1.1.0", "To be or not to be")])

    assert found(index.query(KEY, "to be", 5)) == ["doc.1.1.0"]


def test_a_pasted_page_is_an_allowed_question(index):
    index.upsert(KEY, [("doc.1.1.0", "needle")])
    page = " ".join(f"word{number}" for number in range(20_000))

    assert found(index.query(KEY, f"{page} needle", 5)) == ["doc.1.1.0"]


@pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (3, 3), (500, 5)])
def test_a_query_returns_as_many_as_asked_or_held(index, limit, expected):
    index.upsert(KEY, [(f"doc.1.1.{n}", f"pump {n}") for n in range(5)])

    assert len(index.query(KEY, "pump", limit)) == expected


def test_writing_again_replaces_and_never_doubles(index):
    for text in ("old words", "old words", "new words"):
        index.upsert(KEY, [("doc.1.1.0", text), ("doc.1.1.00", "words")])

    assert found(index.query(KEY, "old", 5)) == []
    assert found(index.query(KEY, "new", 5)) == ["doc.1.1.0"]
    assert sorted(found(index.query(KEY, "words", 5))) == ["doc.1.1.0", "doc.1.1.00"]


def test_of_an_id_given_twice_the_last_text_counts(index):
    index.upsert(KEY, [("a", "first"), ("a", "second")])

    assert index.query(KEY, "first", 5) == []
    assert found(index.query(KEY, "second", 5)) == ["a"]


def test_removed_chunks_are_gone_and_unknown_ones_ignored(index):
    index.upsert(KEY, [(f"doc.1.1.{n}", "pump") for n in range(12)])

    index.remove(KEY, ["doc.1.1.1", "doc.9.9.9"])
    index.remove(KEY, ["doc.1.1.1"])

    rest = {f"doc.1.1.{n}" for n in range(12)} - {"doc.1.1.1"}
    assert set(found(index.query(KEY, "pump", 50))) == rest
    assert index.ids(KEY) == rest


def test_a_failing_write_changes_nothing_and_the_next_one_works(index):
    index.upsert(KEY, [("a", "kept")])

    def broken():
        yield ("a", "lost")
        raise RuntimeError("the source of texts broke")

    with pytest.raises(RuntimeError):
        index.upsert(KEY, broken())
    assert found(index.query(KEY, "kept lost", 5)) == ["a"]
    assert index.query(KEY, "lost", 5) == []

    index.upsert(KEY, [("b", "kept")])
    assert index.ids(KEY) == {"a", "b"}


def test_datasets_and_generations_do_not_see_each_other(index):
    keys = [KEY, IndexKey("d1", 2), IndexKey("d2", 1)]
    for number, key in enumerate(keys):
        index.upsert(key, [(f"only{number}", "pump")])

    for number, key in enumerate(keys):
        assert found(index.query(key, "pump", 5)) == [f"only{number}"]


def test_a_dropped_index_is_empty_on_disk_too_and_can_be_written_again(index, tmp_path):
    index.upsert(KEY, [("a", "pump")])
    index.drop(KEY)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert index.query(KEY, "pump", 5) == []

    index.upsert(KEY, [("b", "pump")])
    assert index.ids(KEY) == {"b"}


def test_what_was_written_survives_closing(index):
    index.upsert(KEY, [("a", "pump"), ("b", "pump")])
    index.remove(KEY, ["a"])
    index.close()

    assert found(index.query(KEY, "pump", 5)) == ["b"]


def test_questions_are_answered_while_other_threads_write_and_drop(index):
    index.upsert(KEY, [("anchor", "anchor")])
    keys = [IndexKey(f"d{number}", 1) for number in range(2, 8)]

    def write(number):
        index.upsert(KEY, [(f"doc.{number}.1.{n}", f"text {n}") for n in range(5)])

    def come_and_go(key):
        index.upsert(key, [("a", "pump")])
        assert found(index.query(key, "pump", 5)) == ["a"]
        index.drop(key)
        assert index.query(key, "pump", 5) == []

    def ask(_):
        assert found(index.query(KEY, "anchor", 5)) == ["anchor"]

    with ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(write, number) for number in range(20)]
        tasks += [pool.submit(come_and_go, key) for key in keys]
        tasks += [pool.submit(ask, number) for number in range(100)]
        for task in tasks:
            task.result()

    assert len(index.ids(KEY)) == 101


def test_frequencies_count_the_chunks_that_hold_each_term_of_a_question(index):
    index.upsert(KEY, [("a", "the pump stands"), ("b", "pumps and a valve"), ("c", "nothing")])

    found = index.frequencies(KEY, "pump valve turbine")
    assert found.chunks == 3
    assert dict(found.holding) == {"pump": 2, "valv": 1, "turbin": 0}
    assert index.frequencies(IndexKey("absent", 1), "pump").chunks == 0
