"""Readers in child processes: what goes wrong in there stays in there."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ingest.sandbox.reader_process import Plan, ReaderPool
from ingest.types import Extraction, ReadOptions
from kb.errors import Unavailable, UnreadableFile
from kb.models.embed.tokenizer import WordTokenizer
from kb.types import Page, Processing
from tests.ingest.readers.samples import SAMPLES

MIB = 1024 * 1024


@pytest.fixture
def pool():
    pool = ReaderPool(
        timeout_s=30,
        memory_bytes=768 * MIB,
        max_characters=1_000_000,
        child_module="tests.ingest.sandbox.misbehaving_child",
    )
    yield pool
    pool.close()


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "sample.txt"
    path.write_bytes(SAMPLES["text/plain"][1])
    return path


def _reason(pool, path, media_type, encoding=None):
    with pytest.raises(UnreadableFile) as refused:
        pool.read(path, media_type, encoding)
    return refused.value.code


def _text(pool, path, media_type="text/plain"):
    return pool.read(path, media_type).pages[0].text


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("media_type", SAMPLES)
def test_every_format_is_read_in_a_child_as_it_is_here(tmp_path, media_type):
    from ingest.readers import READERS

    path = tmp_path / "sample"
    path.write_bytes(SAMPLES[media_type][1])
    pool = ReaderPool(timeout_s=60, memory_bytes=768 * MIB, max_characters=10_000)
    try:
        with path.open("rb") as source:
            assert pool.read(path, media_type) == READERS[media_type](source, ReadOptions())
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("media_type", "reason"),
    [
        ("test/memory", "read_memory"),
        ("test/die", "reader_crashed"),
        ("test/raise", "reader_crashed"),
        ("test/flood", "reader_crashed"),
        ("test/unknown", "reader_crashed"),
    ],
)
def test_a_reader_that_fails_has_a_reason_and_the_next_file_is_read(
    pool, sample, media_type, reason
):
    assert _reason(pool, sample, media_type) == reason
    assert "pump" in _text(pool, sample)


def test_a_reader_that_hangs_is_killed(sample):
    pool = ReaderPool(
        timeout_s=1.5,
        memory_bytes=768 * MIB,
        max_characters=1000,
        child_module="tests.ingest.sandbox.misbehaving_child",
    )
    try:
        assert _reason(pool, sample, "test/sleep") == "read_timeout"
    finally:
        pool.close()


@pytest.mark.parametrize("characters", [10, 5_000_000])
def test_a_child_that_neither_reads_nor_goes_on_writing_is_killed(characters):
    pool = ReaderPool(
        timeout_s=1.5,
        memory_bytes=768 * MIB,
        max_characters=10_000_000,
        child_module="tests.ingest.sandbox.stuck_child",
    )
    known = Extraction((Page(1, "x" * characters),), (), None, None, "test")
    plan = Plan(Processing(), WordTokenizer(), 64, "c", "d")
    try:
        with pytest.raises(UnreadableFile) as failed:
            pool.process(known, plan, lambda: True)
        assert failed.value.code == "read_timeout"
    finally:
        pool.close()


def test_a_readers_own_reason_arrives(pool, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()

    assert _reason(pool, empty, "text/plain") == "empty_file"
    assert _reason(pool, tmp_path / "absent", "text/plain") == "reader_crashed"


def test_options_reach_the_reader(pool, tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("é".encode("latin-1"))

    assert pool.read(path, "text/plain", "latin-1").pages[0].text == "é"
    strict = ReaderPool(timeout_s=30, memory_bytes=768 * MIB, max_characters=0)
    try:
        assert _reason(strict, path, "text/plain", "latin-1") == "too_large"
    finally:
        strict.close()


def test_what_a_reader_prints_is_no_answer_and_a_child_is_used_again(pool, sample):
    first, second = _text(pool, sample, "test/talk"), _text(pool, sample, "test/talk")

    assert first.startswith("pid ")
    assert first == second


def test_a_child_can_write_no_file_and_knows_no_secrets(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("KB_ADMIN_KEY", "hush")
    target = tmp_path / "target"
    source = tmp_path / "source"
    source.write_text(str(target))

    limits = _text(pool, source, "test/look")

    assert _reason(pool, source, "test/write") == "reader_crashed"
    assert not target.exists() or target.stat().st_size == 0
    assert "KB_ADMIN_KEY" not in limits
    assert limits.startswith(f"[{768 * MIB}, 0]")


def test_a_child_that_was_killed_while_idle_is_replaced(pool, sample):
    pid = int(_text(pool, sample, "test/talk").split()[1])
    os.kill(pid, signal.SIGKILL)
    while _is_running(pid):
        time.sleep(0.01)

    assert "pump" in _text(pool, sample)


def test_a_crash_is_blamed_on_a_file_only_in_a_fresh_child(pool, sample):
    _text(pool, sample)

    assert _text(pool, sample, "test/die-when-used") == "fresh"


def test_threads_share_the_children(sample):
    pool = ReaderPool(2, timeout_s=60, memory_bytes=768 * MIB, max_characters=1000)
    texts = []
    threads = [threading.Thread(target=lambda: texts.append(_text(pool, sample))) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        pool.close()

    assert len(texts) == 8
    assert len(set(texts)) == 1


def test_closing_ends_a_reader_at_work_and_refuses_more(pool, sample):
    failures = []

    def read():
        try:
            pool.read(sample, "test/sleep")
        except Unavailable as exc:
            failures.append(exc)

    thread = threading.Thread(target=read)
    thread.start()
    while not pool._children:
        time.sleep(0.01)
    pool.close()
    thread.join(timeout=20)

    assert len(failures) == 1
    with pytest.raises(Unavailable):
        pool.read(sample, "text/plain")


def test_a_child_ends_when_its_parent_is_killed(sample):
    script = (
        "import sys; from pathlib import Path;"
        "from ingest.sandbox.reader_process import ReaderPool;"
        "from ingest.types import ReadOptions;"
        f"pool = ReaderPool(timeout_s=60, memory_bytes={768 * MIB}, max_characters=1000,"
        "child_module='tests.ingest.sandbox.misbehaving_child');"
        "print(pool.read(Path(sys.argv[1]), 'test/talk').pages[0].text, flush=True);"
        "pool.read(Path(sys.argv[1]), 'test/sleep')"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(sample)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    pid = int(parent.stdout.readline().split()[1])
    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 20
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_running(pid)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] != b"Z"
    except FileNotFoundError:
        return False
