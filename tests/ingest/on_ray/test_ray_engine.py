"""Documents read, split and embedded on a real Ray of this machine, some of it killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

import ray

from ingest.on_ray.embedding import RayEmbedder
from ingest.on_ray.engine import connect, ray_engine
from ingest.sandbox.child import Unwanted
from ingest.sandbox.reader_process import Plan, ReaderPool, SourceFile
from ingest.work.worker import Worker
from kb.errors import UnreadableFile
from kb.models.embed.hash_embedder import HashEmbedder
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.types import Processing
from tests.parts import ADMIN, PATIENCE_S, document, upload

TEXT = "# Terms\n\n" + "\n\n".join(
    f"Paragraph {n} speaks of delivery and of storks." for n in range(80)
)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    connect()
    yield
    ray.shutdown()


@pytest.fixture
def plan() -> Plan:
    embedder = HashEmbedder()
    return Plan(Processing(), embedder.tokenizer, embedder.max_tokens, "doc_1.1.1", "doc_1")


def written(folder: Path, text: str = TEXT) -> SourceFile:
    path = folder / "terms.md"
    path.write_text(text)
    return SourceFile(path, "text/markdown")


def killed(title: str) -> int:
    """Kill the processes of Ray that do something, and say how many there were."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if place.read_bytes().startswith(title.encode()):
                os.kill(int(place.parent.name), signal.SIGKILL)
                found += 1
    return found


def test_a_task_gives_what_a_reader_of_this_machine_gives(settings, tmp_path, plan):
    source, own = written(tmp_path), ReaderPool.with_limits(settings.ingest)
    here = own.process(source, plan, lambda: True)
    there = ray_engine(settings).readers.process(source, plan, lambda: True)
    own.close()
    assert there.chunks == here.chunks
    assert there.extraction.pages == here.extraction.pages


def test_a_file_that_cannot_be_read_says_why(settings, tmp_path, plan):
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.7 and no more")
    with pytest.raises(UnreadableFile):
        ray_engine(settings).readers.process(
            SourceFile(path, "application/pdf"), plan, lambda: True
        )


def test_what_nobody_wants_any_more_is_dropped(settings, tmp_path, plan):
    with pytest.raises(Unwanted):
        ray_engine(settings).readers.process(written(tmp_path, TEXT * 2000), plan, lambda: False)


def test_an_actor_that_is_killed_loses_no_text():
    own = HashEmbedder()
    settings = Settings()
    there = RayEmbedder(settings, "hash", own)
    texts = [f"Text {n} of storks" for n in range(1000)]
    assert np.array_equal(there.embed_documents(texts), own.embed_documents(texts))
    assert killed("ray::_Embedding")
    assert np.array_equal(there.embed_documents(texts), own.embed_documents(texts))


def test_documents_become_ready_on_ray_and_tasks_that_are_killed_are_done_again(settings, tmp_path):
    kb = open_kb(settings, elsewhere=RayEmbedder)
    dataset = kb.create_dataset(ADMIN, "Terms")
    accepted = upload(
        kb, dataset.id, {f"terms-{n}.md": f"# {n}\n\n{TEXT * 20}" for n in range(12)}
    ).accepted
    worker = Worker(kb, ray_engine(settings))
    worker.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (was_killed := killed("ray::_read_and_process")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert was_killed
        assert worker.wait_idle(PATIENCE_S * 2)
        assert kb.fsck.run().violations == ()
        assert [document(kb, each.id).status for each in accepted] == ["ready"] * 12
    finally:
        worker.stop()
        kb.close()
