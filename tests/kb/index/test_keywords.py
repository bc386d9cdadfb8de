"""tantivy as the keyword index: what is on disk, what stays open, and what damage does."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kb.errors import IndexDamaged, Unavailable
from kb.index import keywords
from kb.index.health import IndexHealth
from kb.index.keywords import TantivyKeywords, self_test
from kb.opening.opening import open_kb
from kb.protocols import IndexKey
from kb.settings import EmbeddingSettings, Settings

KEY = IndexKey("d1", 1)
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def health():
    return IndexHealth({})


@pytest.fixture
def index(tmp_path, health):
    index = TantivyKeywords(tmp_path, open_limit=3, health=health)
    yield index
    index.close()


def folder(tmp_path):
    return tmp_path / "d1" / "g1" / "keywords"


def found(hits):
    return [hit.chunk_id for hit in hits]


def damaged(tmp_path, ending, harm):
    for path in folder(tmp_path).glob(f"*{ending}"):
        harm(path)


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def lose(path):
    path.unlink()


def garble(path):
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = os.urandom(len(data) // 2)
    path.write_bytes(data)


def held_by_this_process():
    """(descriptors, threads), once threads that were told to end have ended."""
    before = None
    while (
        now := tuple(len(os.listdir(f"/proc/self/{kind}")) for kind in ("fd", "task"))
    ) != before:
        before = now
        time.sleep(0.2)
    return now


def test_the_words_themselves_are_not_stored(index, tmp_path):
    index.upsert(KEY, [("doc.1.1.0", "the secret sentence stays in the database")])

    content = b"".join(path.read_bytes() for path in folder(tmp_path).iterdir())
    assert b"secret sentence" not in content


def test_no_thread_and_no_descriptor_stays_behind_a_write(index):
    index.upsert(KEY, [("a", "pump")])
    before = held_by_this_process()

    for number in range(40):  # enough to be merged several times
        index.upsert(KEY, [(f"doc.{number}.1.0", f"pump {number}")])

    now = held_by_this_process()
    assert now[0] <= before[0]
    assert now[1] <= before[1]
    assert len(index.ids(KEY)) == 41


def test_many_small_writes_do_not_pile_up_files(index, tmp_path):
    for number in range(60):
        index.upsert(KEY, [(f"doc.{number}.1.0", f"pump {number}")])

    segments = {path.name.split(".")[0] for path in folder(tmp_path).glob("*.store")}
    assert len(segments) < 20


def test_an_index_cut_by_other_rules_is_refused(index, tmp_path, monkeypatch):
    index.upsert(KEY, [("a", "pump")])
    index.close()
    monkeypatch.setattr(keywords, "TERMS_VERSION", "terms-of-tomorrow")

    with pytest.raises(IndexDamaged):
        TantivyKeywords(tmp_path, open_limit=1).query(KEY, "pump", 5)


@pytest.mark.parametrize("ending", ["meta.json", ".term", ".idx", ".store", ".fieldnorm"])
@pytest.mark.parametrize("harm", [cut_in_half, lose])
def test_a_torn_file_is_reported_and_a_drop_mends_it(index, health, tmp_path, ending, harm):
    index.upsert(KEY, [(f"doc.1.1.{n}", f"pump {n}") for n in range(200)])
    index.close()
    damaged(tmp_path, ending, harm)

    for _ in range(2):
        restarted = IndexHealth(health.seals())
        with pytest.raises(IndexDamaged, match="d1"):
            TantivyKeywords(tmp_path, open_limit=1, health=restarted).query(KEY, "pump", 500)

    index.drop(KEY)
    index.upsert(KEY, [("a", "pump")])
    assert found(index.query(KEY, "pump", 5)) == ["a"]


@pytest.mark.parametrize("ending", [".term", ".idx", ".store", ".fieldnorm", ".fast"])
def test_garbled_bytes_give_an_answer_or_our_error_but_never_a_panic(index, tmp_path, ending):
    index.upsert(KEY, [(f"doc.1.1.{n}", f"pump {n}") for n in range(200)])
    index.close()
    damaged(tmp_path, ending, garble)
    reopened = TantivyKeywords(tmp_path, open_limit=1)

    with suppress(IndexDamaged):
        assert set(found(reopened.query(KEY, "pump 7", 500))) <= {
            f"doc.1.1.{n}" for n in range(200)
        }
    with suppress(IndexDamaged):
        reopened.remove(KEY, ["a"])
    reopened.drop(KEY)
    reopened.upsert(KEY, [("a", "pump")])
    assert found(reopened.query(KEY, "pump", 5)) == ["a"]


def test_a_writer_that_was_killed_leaves_no_lock_behind(index, tmp_path):
    index.upsert(KEY, [("kept", "pump")])
    program = f"""
import itertools, time
from pathlib import Path
from kb.index import keywords
from kb.protocols import IndexKey
from kb.settings import EmbeddingSettings, Settings
index = keywords.TantivyKeywords(Path({str(tmp_path)!r}), open_limit=1)
with index._folders.lent(IndexKey("d1", 1)) as folder:
    with keywords._writing(folder) as writer:
        writer.delete_documents_by_term("id", "kept")
        print("writing", flush=True)
        time.sleep(60)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert child.stdout.readline() == b"writing\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    assert found(index.query(KEY, "pump", 5)) == ["kept"]
    index.upsert(KEY, [("new", "pump")])
    assert index.ids(KEY) == {"kept", "new"}


def test_the_rarest_words_of_a_long_question_are_kept(index, monkeypatch):
    monkeypatch.setattr(keywords, "MAX_QUERY_TERMS", 2)
    index.upsert(KEY, [(f"c.1.1.{n}", "red green blue") for n in range(5)] + [("rare", "needle")])

    assert found(index.query(KEY, "red green blue needle", 1)) == ["rare"]


def test_a_library_that_cuts_words_otherwise_is_noticed_at_the_start(monkeypatch, tmp_path):
    def only_ascii(text):
        return text.encode("ascii", "ignore").decode().split()

    self_test.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("kb.index.keywords.terms", only_ascii)
        with pytest.raises(Unavailable, match="does not find"):
            open_kb(Settings(data_dir=tmp_path, embedding=EmbeddingSettings(model="hash")))
    self_test()
