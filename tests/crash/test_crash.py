"""kill -9 at random moments: what was acknowledged is there, exactly once, and fsck agrees."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.crash.crasher import Crasher
from tests.parts import keyword_files, lose_original

KILLS = 40


def text_of(number: int) -> str:
    return f"# Document {number}\n\nMarker-{number} stands here.\n"


@pytest.mark.slow
def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path: Path):
    figures = Crasher(tmp_path / "data", random.randrange(1 << 30)).run(KILLS)
    print(figures)
    assert figures.kills >= KILLS
    assert figures.acknowledged > KILLS


def test_fsck_notices_damage_and_repairs_what_is_derived(tmp_path: Path, kb):
    from ingest.intake.upload import UploadedFile, accept
    from ingest.work.worker import Worker
    from kb.protocols import IndexKey
    from kb.types import Scope

    admin = Scope.admin()
    dataset = kb.create_dataset(admin, "d")
    worker = Worker(kb)
    worker.start()
    try:
        staged = [kb.originals.stage([text_of(n).encode()], max_bytes=10**6) for n in range(3)]
        incoming = [UploadedFile(f"{n}.md", item) for n, item in enumerate(staged)]
        accept(kb, admin, dataset.id, incoming)
        assert worker.wait_idle(30)
    finally:
        worker.stop()
    assert kb.fsck.run().is_clean

    key = IndexKey(dataset.id, 1)
    kb.vectors.remove(key, sorted(kb.vectors.ids(key))[:1])
    keyword_files(kb).upsert(key, [("ghost", "a ghost of a chunk")])
    assert {v.code for v in kb.fsck.run().violations} >= {"vector_index", "keyword_index"}
    repaired = kb.fsck.run(repair=True)
    assert repaired.is_clean
    assert repaired.repaired

    lose_original(kb, staged[0].sha256)
    assert [v.code for v in kb.fsck.run(repair=True).violations] == ["original_missing"]
