"""Chroma as the vector index: what is on disk, what stays open, and what damage does."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.protocols import IndexKey
from tests.kb.index.chroma_rows import (
    KEY,
    ROWS,
    folder,
    graph,
    names,
    unit_vectors,
    written_and_closed,
)

REPOSITORY = Path(__file__).parents[3]


def held_by_this_process():
    """(descriptors, threads), once threads that were told to end have ended."""
    before = None
    while (
        now := tuple(len(os.listdir(f"/proc/self/{kind}")) for kind in ("fd", "task"))
    ) != before:
        before = now
        time.sleep(0.2)
    return now


def open_files():
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return [link.readlink() for link in links if link.is_symlink()]


def test_only_so_many_folders_stay_open(index, tmp_path):
    for number in range(12):
        index.add(IndexKey(f"x{number}", 1), names(5), unit_vectors(5))
    held_by_this_process()

    opened = {p.relative_to(tmp_path).parts[0] for p in open_files() if tmp_path in p.parents}
    assert opened == {"x9", "x10", "x11"}


def test_closing_gives_everything_back(index):
    index.add(KEY, names(5), unit_vectors(5))
    index.close()
    descriptors, threads = held_by_this_process()

    for number in range(3):
        index.add(IndexKey(f"x{number}", 1), names(5), unit_vectors(5))
    index.close()

    now = held_by_this_process()
    assert now[0] <= descriptors
    assert now[1] <= threads


def test_a_folder_replaced_behind_a_closed_index_is_read_anew(index, tmp_path):
    index.add(KEY, ["old"], unit_vectors(1))
    index.close()
    shutil.rmtree(folder(tmp_path))
    other = ChromaVectors(tmp_path, open_limit=1)
    other.add(KEY, ["new"], unit_vectors(1))
    other.close()

    assert index.ids(KEY) == {"new"}


def test_dropping_leaves_the_keyword_index_beside_it(index, tmp_path):
    index.add(KEY, names(1), unit_vectors(1))
    beside = folder(tmp_path).parent / "keywords"
    beside.mkdir()

    index.drop(KEY)

    assert beside.is_dir()
    assert not folder(tmp_path).exists()


def test_a_hundred_candidates_are_the_true_nearest(index):
    centres = unit_vectors(40)
    near = np.repeat(centres, 50, axis=0) + 0.05 * unit_vectors(2000, seed=1)
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    index.add(KEY, names(2000), vectors)

    for row in range(0, 2000, 200):
        query = vectors[row : row + 1]
        truth = np.argsort(-(vectors @ query[0]))[:100]
        hits = {hit.chunk_id for hit in index.query(KEY, query, 100)}
        assert len(hits & {f"doc.1.1.{place}" for place in truth}) >= 99


@pytest.mark.parametrize("rows", [1, 99, 101, 1000, 1001, 2500, 7777])
def test_no_size_of_a_whole_folder_is_taken_for_a_torn_one(index, rows):
    vectors = unit_vectors(rows)
    index.add(KEY, names(rows), vectors)
    index.remove(KEY, names(rows)[: rows // 3])
    other = unit_vectors(1, seed=1)
    index.add(KEY, ["more"], other)
    index.close()

    assert [hit.chunk_id for hit in index.query(KEY, other, 1)] == ["more"]


def test_what_was_acknowledged_survives_a_kill(index, tmp_path):
    program = f"""
import numpy as np, time
from pathlib import Path
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.protocols import IndexKey
index = ChromaVectors(Path({str(tmp_path)!r}), open_limit=1)
vectors = np.eye(16, dtype=np.float32)
index.add(IndexKey("d1", 1), [f"doc.1.1.{{n}}" for n in range(16)], vectors)
print("written", flush=True)
time.sleep(60)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert child.stdout.readline() == b"written\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    assert index.ids(KEY) == set(names(16))
    assert index.query(KEY, np.eye(16, dtype=np.float32)[3:4], 1)[0].chunk_id == "doc.1.1.3"


def test_the_least_recently_used_folder_is_closed_under_nobody(index):
    keys = [IndexKey(f"d{number}", 1) for number in range(9)]  # three times the limit
    vectors = unit_vectors(9)
    for number, key in enumerate(keys):
        index.add(key, [f"only{number}"], vectors[number : number + 1])
    wrong = []

    def ask(start):
        for turn in range(10):
            number = (start + turn) % len(keys)
            hits = index.query(keys[number], vectors[:1], 3)
            if [hit.chunk_id for hit in hits] != [f"only{number}"]:
                wrong.append(hits)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_rows_that_hold_no_vector_are_empty_on_disk(index, tmp_path):
    """Chroma writes memory that it never cleared: what was deleted could come back in a file."""
    index.rebuild_beside(KEY, [(names(12), unit_vectors(12))])
    found = graph(tmp_path)
    rows = (found / "data_level0.bin").stat().st_size // 100
    assert rows * 100 == (found / "data_level0.bin").stat().st_size
    for file, row_bytes in (("data_level0.bin", rows), ("length.bin", 4)):
        content = (found / file).read_bytes()
        dirty = bytearray(content)
        dirty[12 * row_bytes :] = b"x" * len(content[12 * row_bytes :])
        (found / file).write_bytes(dirty)  # as unlucky memory would be
    assert index.ids(KEY) == set(names(12))
    index.close()

    for file, row_bytes in (("data_level0.bin", rows), ("length.bin", 4)):
        assert not any((found / file).read_bytes()[12 * row_bytes :])
    nearest = index.query(KEY, unit_vectors(12)[5:6], 1)
    assert nearest[0].chunk_id == names(12)[5]


def test_a_renewed_index_holds_only_what_it_was_fed(index, tmp_path):
    index.add(KEY, names(ROWS), unit_vectors(ROWS))
    gone = unit_vectors(ROWS)[7].tobytes()
    index.remove(KEY, names(ROWS)[7:8])
    kept = [name for row, name in enumerate(names(ROWS)) if row != 7]
    rows = np.delete(unit_vectors(ROWS), 7, axis=0)
    index.rebuild_beside(KEY, [(kept[:600], rows[:600]), (kept[600:], rows[600:])])

    assert index.ids(KEY) == set(kept)
    index.close()
    files = [path for path in folder(tmp_path).rglob("*") if path.is_file()]
    assert files
    assert not any(gone in path.read_bytes() for path in files)
    assert not folder(tmp_path).with_name("vectors.new").exists()


def test_renewing_with_nothing_leaves_no_index(index, tmp_path):
    written_and_closed(index)
    index.rebuild_beside(KEY, [])
    assert not folder(tmp_path).exists()
    assert index.query(KEY, unit_vectors(1), 3) == []
