"""The vector index on a Chroma server: killed, emptied, put back, shared and behind a proxy."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import httpx
import numpy as np
import pytest

from kb.errors import IndexDamaged, NotFound, Rejected, Unavailable
from kb.index.applier import Applier
from kb.index.chroma_server.server import PLACE
from kb.index.chroma_server.vectors import ChromaServerVectors
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth
from kb.knowledge_base import KnowledgeBase
from kb.protocols import IndexKey, IndexName
from kb.search.fallback import MatchingChunks, NearestTexts
from kb.search.searching import Searcher
from kb.store.content import index_ops
from kb.types import Retrieval, Scope
from kb.upkeep.index_check import IndexCheck
from kb.upkeep.repairing import Repairing
from tests.chroma_server import ChromaProcess, chroma_server
from tests.parts import ADMIN, PATIENCE_S, ingest

KEY = IndexKey("d1", 1)
TOKEN = "a-secret-token-of-the-proxy"
BY_MEANING = Retrieval(mode="vector", min_score=0)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ChromaProcess]:
    with chroma_server(tmp_path_factory.mktemp("server") / "chroma") as server:
        yield server


def unit_vectors(rows, dimensions=16, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def opened(server, *, promised=lambda _: 0, **options) -> ChromaServerVectors:
    options.setdefault("prefix", uuid.uuid4().hex)
    url = options.pop("url", None) or server.url
    return ChromaServerVectors(url, promised=promised, **options)


def names(rows):
    return [f"t{row}" for row in range(rows)]


def awake(index: ChromaServerVectors) -> ChromaServerVectors:
    """The index when it has noticed that the server answers again."""
    deadline = time.monotonic() + PATIENCE_S
    while index._server.absence.is_known:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return index


def test_hits_and_scores_are_those_of_the_embedded_index(server, tmp_path):
    vectors, questions = unit_vectors(2000, 64), unit_vectors(50, 64, seed=1)
    embedded, served = ChromaVectors(tmp_path, open_limit=1), opened(server)
    for index in (embedded, served):
        index.add(KEY, names(2000), vectors)

    for question in questions:
        ours = embedded.query(KEY, question[None], 40)
        theirs = served.query(KEY, question[None], 40)
        assert [hit.chunk_id for hit in theirs] == [hit.chunk_id for hit in ours]
        assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in ours], abs=1e-6)
    embedded.close()


def test_two_installations_share_a_server_and_do_not_meet(server):
    one, other = opened(server), opened(server)
    one.add(KEY, ["mine"], unit_vectors(1))
    other.add(KEY, ["yours"], unit_vectors(1))

    assert one.ids(KEY) == {"mine"}
    one.drop(KEY)
    assert other.ids(KEY) == {"yours"}


def test_the_server_knows_no_embedding_function_and_no_word(server):
    index = opened(server, prefix="bare")
    index.add(KEY, names(3), unit_vectors(3))

    found = httpx.get(f"{server.url}{PLACE}/collections/bare-d1-1").json()
    assert found["configuration_json"]["embedding_function"] is None
    assert found["configuration_json"]["hnsw"]["space"] == "cosine"
    rows = httpx.post(
        f"{server.url}{PLACE}/collections/{found['id']}/get",
        json={"include": ["documents", "metadatas"]},
    ).json()
    assert set(rows["documents"]) == set(rows["metadatas"]) == {None}


def test_what_was_written_is_there_after_a_kill(server):
    index = opened(server, promised=lambda _: 20)
    opened(server, prefix=index._prefix).add(KEY, names(20), unit_vectors(20))
    server.kill()

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ does not answer"):
        index.query(KEY, unit_vectors(1), 5)
    server.begin()

    assert len(awake(index).query(KEY, unit_vectors(1), 50)) == 20


def test_a_server_that_lost_everything_is_not_believed_and_fed_again(server):
    vectors, health = unit_vectors(20), IndexHealth()
    index = opened(server, health=health, promised=lambda key: 20 if key == KEY else 0)
    index.rebuild_beside(KEY, [(names(20), vectors)])
    assert len(index.query(KEY, vectors[:1], 50)) == 20
    server.lose_everything()

    for _ in range(2):
        with pytest.raises(IndexDamaged):
            awake(index).query(KEY, vectors[:1], 5)
    with pytest.raises(IndexDamaged):  # or it would hold the new row only, and look whole
        index.add(KEY, ["new"], vectors[:1])
    assert index.query(IndexKey("never", 1), vectors[:1], 5) == []
    assert health.damaged() == [IndexName("vector", KEY)]

    index.rebuild_beside(KEY, [(names(20), vectors)])
    assert len(index.query(KEY, vectors[:1], 50)) == 20
    assert health.damaged() == []


def test_a_server_that_is_put_back_to_an_older_state_is_noticed(server, tmp_path):
    held = 10
    index = opened(server, promised=lambda _: held)
    opened(server, prefix=index._prefix).add(KEY, names(10), unit_vectors(10))
    assert len(index.query(KEY, unit_vectors(1), 50)) == 10
    server.kill()
    shutil.copytree(server.folder, tmp_path / "older")
    server.begin()
    awake(index).add(KEY, names(20), unit_vectors(20))
    held = 20
    server.kill()
    with pytest.raises(Unavailable):
        index.query(KEY, unit_vectors(1), 5)
    shutil.rmtree(server.folder)
    shutil.copytree(tmp_path / "older", server.folder)
    server.begin()

    with pytest.raises(IndexDamaged):
        awake(index).query(KEY, unit_vectors(1), 5)


def test_a_graph_that_lost_its_files_is_noticed(tmp_path):
    with chroma_server(tmp_path / "chroma") as server:
        index = opened(server, promised=lambda _: 3000)
        opened(server, prefix=index._prefix).add(KEY, names(3000), unit_vectors(3000))
        server.kill()
        (graph,) = [path.parent for path in server.folder.glob("*/header.bin")]
        shutil.rmtree(graph)
        server.begin()

        with pytest.raises(IndexDamaged):
            index.query(KEY, unit_vectors(1), 5)


def test_a_collection_that_cannot_answer_is_not_believed_again_before_it_is_made_anew(server):
    health, other = IndexHealth(), IndexHealth()
    index = opened(server, prefix="broken", health=health, promised=lambda _: 5)
    index.rebuild_beside(KEY, [(names(5), unit_vectors(5))])
    beside = opened(server, prefix="broken", health=other, promised=lambda _: 5)
    name = IndexName("vector", KEY)

    for _ in range(2):
        with pytest.raises(IndexDamaged):
            index.query(KEY, unit_vectors(1, dimensions=3), 5)  # the server refuses it
        with pytest.raises(IndexDamaged):
            index.query(KEY, unit_vectors(1), 5)
        assert health.damaged() == [name]
        assert not index.is_mended(name)

    beside.rebuild_beside(KEY, [(names(5), unit_vectors(5))])  # another process was first
    assert index.is_mended(name)
    assert health.damaged() == []
    assert len(index.query(KEY, unit_vectors(1), 50)) == 5


def test_whoever_asks_while_an_index_is_made_anew_gets_all_or_is_sent_to_the_database(server):
    vectors, done = unit_vectors(300), Event()
    index, reader = (opened(server, prefix="anew", promised=lambda _: 300) for _ in range(2))
    index.rebuild_beside(KEY, [(names(300), vectors)])

    def ask():
        wrong, answers = [], 0
        while not done.is_set():
            try:
                found = reader.query(KEY, vectors[7:8], 3)
            except Unavailable:
                continue
            answers += 1
            if not found or found[0].chunk_id not in ("t7", "again7"):
                wrong.append(found)
        return wrong, answers

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for turn in range(6):
            ids = names(300) if turn % 2 else [f"again{row}" for row in range(300)]
            index.rebuild_beside(KEY, [(ids[:150], vectors[:150]), (ids[150:], vectors[150:])])
        done.set()
        for wrong, answers in (task.result() for task in asking):
            assert wrong == []
            assert answers

    assert reader.ids(KEY) == set(names(300))
    found = httpx.get(f"{server.url}{PLACE}/collections").json()
    assert [each["name"] for each in found if each["name"].startswith("anew")] == ["anew-d1-1"]


class TokenProxy(ThreadingHTTPServer):
    """Lets through to a server what has the token."""

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = behind


class _Passing(BaseHTTPRequestHandler):
    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, content = 401, b"{}"
        if self.headers["X-Chroma-Token"] == TOKEN:
            url = f"{self.server.behind}{self.path}"  # type: ignore[attr-defined]
            kept = {"Content-Type": "application/json"}
            answer = httpx.request(self.command, url, content=body, headers=kept, timeout=60)
            status, content = answer.status_code, answer.content
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815

    def log_message(self, *_: object) -> None: ...


def test_a_proxys_token_is_sent_with_each_request_and_appears_nowhere(server, caplog):
    caplog.set_level(logging.DEBUG)
    proxy = TokenProxy(server.url)
    Thread(target=proxy.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{proxy.server_port}"
    try:
        let_in = opened(server, url=url, headers={"X-Chroma-Token": TOKEN})
        let_in.rebuild_beside(KEY, [(names(3), unit_vectors(3))])
        let_in.remove(KEY, ["t1"])
        assert let_in.ids(KEY) == {"t0", "t2"}
        with pytest.raises(Unavailable, match="KB_CHROMA__HEADERS") as refused:
            opened(server, url=url, headers={"X-Chroma-Token": f"{TOKEN}-old"}).ids(KEY)
    finally:
        proxy.shutdown()
        proxy.server_close()

    with pytest.raises(Unavailable) as away:
        let_in.ids(KEY)
    let_in.close()
    assert TOKEN not in f"{refused.value!r} {away.value!r} {let_in!r} {caplog.text}"


@pytest.mark.parametrize("url", ["chroma:8000", "ftp://chroma", "http://", ""])
def test_what_is_no_address_is_refused_at_the_start(url):
    with pytest.raises(Rejected, match="KB_CHROMA__URL"):
        ChromaServerVectors(url, prefix="p", promised=lambda _: 0)


@pytest.fixture
def served(kb: KnowledgeBase, server) -> Iterator[tuple[ChromaServerVectors, Searcher]]:
    """The vectors of a knowledge base on a server, and its search through them."""

    def promised(key: IndexKey) -> int:
        return kb.database.reading(index_ops.promised_texts, key)

    index = opened(server, promised=promised)
    plugs = NearestTexts(index, kb.database), MatchingChunks(kb.keywords, kb.database)
    yield (
        index,
        Searcher(kb.database, kb.embedders, *plugs, candidates=40, threads=2, max_waiting=9),
    )
    index.close()


FILES = {f"{word}.md": f"# {word}\n\nThe {word} is described here." for word in ("pump", "valve")}


def found(searcher: Searcher, dataset_id: str, query: str, scope: Scope = ADMIN) -> list[str]:
    hits = searcher.search(scope, [dataset_id], query, BY_MEANING).hits
    return [hit.document_name for hit in hits]


def test_the_database_answers_while_the_server_is_away_or_empty(kb, server, served):
    index, searcher = served
    dataset = kb.create_dataset(ADMIN, "manuals")
    ingest(kb, dataset.id, FILES)
    key = IndexKey(dataset.id, 1)
    applier, check = (
        Applier(kb.database, index, kb.keywords),
        IndexCheck(kb.database, index, kb.keywords),
    )
    applier.rebuild(key, ("vector",))
    whole = found(searcher, dataset.id, "pump is described")
    assert whole[0] == "pump.md"
    assert list(check.problems(key, "vector")) == []

    server.kill()
    assert found(searcher, dataset.id, "pump is described") == whole
    shutil.rmtree(server.folder)
    server.begin()
    awake(index)
    assert found(searcher, dataset.id, "pump is described") == whole
    assert [code for code, _ in check.problems(key, "vector")] == ["vector_index"]

    applier.rebuild(key, ("vector",))
    assert list(check.problems(key, "vector")) == []
    assert len(index.query(key, kb.embedder.embed_query("pump"), 9)) == 2


def test_of_searches_through_a_silent_server_the_first_ones_wait_and_all_find_the_same(
    kb, server, served, monkeypatch
):
    index, searcher = served
    dataset = kb.create_dataset(ADMIN, "manuals")
    ingest(kb, dataset.id, FILES)
    key = IndexKey(dataset.id, 1)
    Applier(kb.database, index, kb.keywords).rebuild(key, ("vector",))
    whole = found(searcher, dataset.id, "pump is described")
    server.pause()
    try:
        monkeypatch.setattr(index._server, "_timeout_s", 0.5)
        assert found(searcher, dataset.id, "pump is described") == whole
        monkeypatch.setattr(index._server, "_timeout_s", 1e6)  # who waits now does not come back
        for _ in range(5):
            assert found(searcher, dataset.id, "pump is described") == whole
    finally:
        server.resume()
    assert len(awake(index).query(key, kb.embedder.embed_query("pump"), 9)) == 2


def test_fsck_asks_a_server_whose_rows_are_not_those_of_the_database(kb, served):
    index, _ = served
    dataset = kb.create_dataset(ADMIN, "manuals")
    ingest(kb, dataset.id, FILES)
    key = IndexKey(dataset.id, 1)
    Applier(kb.database, index, kb.keywords).rebuild(key, ("vector",))
    (lost, _) = sorted(index.ids(key))
    index.remove(key, [lost])
    dimensions = kb.embedder.dimensions
    index.add(key, ["ghost", lost], unit_vectors(2, dimensions))  # the right name, another vector

    problems = dict(IndexCheck(kb.database, index, kb.keywords).problems(key, "vector"))

    assert "lacks 0 texts and holds 1 that are gone" in problems["vector_index"]
    assert "1 of 2 probed texts" in problems["vector_search"]


def test_the_id_or_name_of_a_foreign_collection_opens_nothing(kb, server, served):
    _, searcher = served
    foreign = opened(server, prefix="foreign")
    foreign.add(IndexKey("ds_1", 1), ["theirs"], unit_vectors(1, kb.embedder.dimensions))
    collections = httpx.get(f"{server.url}{PLACE}/collections").json()
    (theirs,) = [each for each in collections if each["name"] == "foreign-ds_1-1"]

    for asked in (theirs["id"], theirs["name"], "ds_1", f"../collections/{theirs['id']}"):
        with pytest.raises(NotFound):
            found(searcher, asked, "theirs")


def test_of_two_processes_that_notice_a_loss_one_makes_the_index_anew(kb, server, served):
    dataset = kb.create_dataset(ADMIN, "manuals")
    ingest(kb, dataset.id, FILES)
    key = IndexKey(dataset.id, 1)
    question = kb.embedder.embed_query("pump")
    Applier(kb.database, served[0], kb.keywords).rebuild(key, ("vector",))
    server.lose_everything()
    processes = []
    for _ in range(2):
        health = IndexHealth()
        index = opened(
            server, prefix=served[0]._prefix, promised=served[0]._promised, health=health
        )
        applier = Applier(kb.database, index, kb.keywords)
        strays, is_mended = kb.fsck.strays, index.is_mended
        repairing = Repairing(kb.database, applier, health, strays, is_mended=is_mended)
        with pytest.raises(IndexDamaged):
            index.query(key, question, 5)
        processes.append((index, repairing))

    made = []
    for index, repairing in processes:
        repairing.settle()
        assert len(index.query(key, question, 5)) == 2
        name = f"{index._prefix}-{dataset.id}-1"
        made.append(httpx.get(f"{server.url}{PLACE}/collections/{name}").json()["id"])
    assert made[0] == made[1]
