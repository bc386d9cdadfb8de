"""What the multilingual model finds, and how sure its scores are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb.knowledge_base import KnowledgeBase
from kb.models.llm.extractive import extractive_answer
from kb.opening.opening import open_kb
from kb.protocols import Vectors
from kb.search.scoring import WEAK_SCORE
from kb.settings import Settings
from kb.types import EndPiece, Hit, Retrieval, Source
from tests.parts import ADMIN, ingest

HANDBOOK = {
    "leave.md": "Employees have 25 days of paid leave a year. Unused days expire in March.",
    "travel.md": "Second class is booked for train journeys of less than four hours.",
    "canteen.md": "Die Kantine ist von elf bis vierzehn Uhr geöffnet. Freitags gibt es Fisch.",
    "security.md": "Visitors register at the front desk and wear a badge.",
    "parking.md": "El aparcamiento cierra a las diez de la noche. Las bicicletas van al patio.",
    "printer.md": "Paper for the copier is kept in the storeroom on the second floor.",
}


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KnowledgeBase, str]]:
    """A handbook in three languages."""
    kb = open_kb(Settings(data_dir=tmp_path_factory.mktemp("handbook"), _env_file=None))
    dataset_id = kb.create_dataset(ADMIN, "handbook").id
    ingest(kb, dataset_id, HANDBOOK)
    yield kb, dataset_id
    kb.close()


def first(handbook: tuple[KnowledgeBase, str], question: str) -> Hit:
    kb, dataset_id = handbook
    return kb.searcher.search(ADMIN, [dataset_id], question, Retrieval()).hits[0]


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("访客需要在哪里登记？", "security.md"),
        ("Wie viele Tage bezahlten Urlaub haben Angestellte?", "leave.md"),
        ("¿En qué clase se reservan los viajes en tren?", "travel.md"),
        ("When does the canteen open?", "canteen.md"),
        ("駐輪する自転車はどこに置きますか。", "parking.md"),
        ("コピー用紙はどこに保管されていますか。", "printer.md"),
    ],
)
def test_a_question_in_another_language_finds_its_passage(
    handbook: tuple[KnowledgeBase, str], question: str, document: str
):
    assert first(handbook, question).document_name == document


def test_a_question_in_another_language_is_embedded_once(
    handbook: tuple[KnowledgeBase, str], monkeypatch: pytest.MonkeyPatch
):
    question, asked = "访客需要在哪里登记？", list[str]()
    first(handbook, question)  # what questions in Chinese have in common is known from now on
    embedder = handbook[0].embedder
    embed = embedder.embed_query

    def noting(text: str) -> Vectors:
        asked.append(text)
        return embed(text)

    monkeypatch.setattr(embedder, "embed_query", noting)

    assert first(handbook, question).why["across"]
    assert asked == [question]


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("餐厅几点开门？", "Die Kantine ist von elf bis vierzehn Uhr geöffnet."),
        ("When does the canteen open?", "Die Kantine ist von elf bis vierzehn Uhr geöffnet."),
        ("¿Cuántos días de vacaciones pagadas hay al año?", "25 days of paid leave"),
        ("有給休暇は年に何日ありますか。", "25 days of paid leave"),
    ],
)
def test_without_a_model_a_passage_in_another_language_is_quoted_as_weak_evidence(
    handbook: tuple[KnowledgeBase, str], question: str, quoted: str
):
    *said, end = extractive_answer(question, [Source(1, first(handbook, question))])

    assert quoted in "".join(getattr(piece, "text", "") for piece in said)
    assert isinstance(end, EndPiece)
    assert end.grounded == "weak"


MANUAL = {
    "start.md": "# Quickstart\n\nFrom nothing to a chatbot over your own documents.",
    "help.md": "# Help\n\nError messages and their remedies.",
    "search.md": "# Search\n\nFinding passages, with or without a chatbot.",
    "address.md": "# Address\n\nTo change the port, start with `kb serve --port 8001`. To listen "
    "on other addresses, set the host, for example to `0.0.0.0`.",
    "visits.md": "# Visits\n\nGuests register at the front desk and wear a badge.",
    "disk.md": "# Disk\n\nUploads are refused with 507 when there is no room left.",
}


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KnowledgeBase, str]]:
    """An English manual, with short pages that are near to every question in another language."""
    kb = open_kb(Settings(data_dir=tmp_path_factory.mktemp("manual"), _env_file=None))
    dataset_id = kb.create_dataset(ADMIN, "manual").id
    ingest(kb, dataset_id, MANUAL)
    yield kb, dataset_id
    kb.close()


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("怎么让它监听别的端口？", "address.md"),
        ("您好！我是新来的同事，想请教一个问题。怎么让它监听别的端口？", "address.md"),
        ("¿Cómo hago que escuche en otro puerto?", "address.md"),
        ("访客怎么办手续？", "visits.md"),
    ],
)
def test_short_pages_do_not_come_before_the_passage_that_answers_in_another_language(
    manual: tuple[KnowledgeBase, str], question: str, document: str
):
    assert first(manual, question).document_name == document


def test_a_passage_without_a_language_does_not_hide_that_of_the_documents(
    manual: tuple[KnowledgeBase, str],
):
    kb, _ = manual
    dataset_id = kb.create_dataset(ADMIN, "with output").id
    ingest(kb, dataset_id, {**MANUAL, "output.md": "<b>kb serve</b> <i>INFO</i> ok"})

    assert first((kb, dataset_id), "访客怎么办手续？").document_name == "visits.md"


def test_words_count_where_a_passage_in_another_language_holds_them(
    manual: tuple[KnowledgeBase, str],
):
    kb, _ = manual
    dataset_id = kb.create_dataset(ADMIN, "with names").id
    pages = {
        "graphql.md": "连接 GraphQL（Connect the Strawberry Shake client）。",
        "orders.md": "这里说明怎样查询订单和客户资料，以及怎样修改收货地址和付款方式。",
        "jobs.md": "后台任务在夜间运行，失败的任务会在第二天早上重新执行一次，并通知管理员。",
    }
    ingest(kb, dataset_id, pages)

    hit = first((kb, dataset_id), "How do I connect the Strawberry Shake client?")

    assert (hit.document_name, hit.why["keyword_rank"]) == ("graphql.md", 1)


def test_a_code_is_found_by_its_letters_in_a_question_in_another_language(
    manual: tuple[KnowledgeBase, str],
):
    hit = first(manual, "Was bedeutet der Fehler 507?")

    assert (hit.document_name, hit.why["keyword_rank"]) == ("disk.md", 1)


@pytest.mark.parametrize(
    "question",
    [
        "Who won the football world cup in 1954?",
        "What is the boiling point of mercury?",
        "光合作用是在植物的哪个部分进行的？",
        "Wer komponierte die neunte Sinfonie?",
        "¿Cuál es la capital de Mongolia?",
        "富士山の高さは何メートルですか。",
    ],
)
def test_what_no_document_speaks_of_is_refused_in_every_language(
    handbook: tuple[KnowledgeBase, str], question: str
):
    assert first(handbook, question).score < WEAK_SCORE
