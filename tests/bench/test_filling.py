from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bench.search.filling import CHUNKS_AT_ONCE, dataset_id_of, filling
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from kb.store.content import chunks, index_ops


def test_a_dataset_that_was_half_filled_goes_on_and_ends_as_if_filled_at_once(tmp_path: Path):
    found = []
    for name, is_broken_off in (("whole", False), ("halves", True)):
        settings = Settings(data_dir=tmp_path / name, embedding=EmbeddingSettings(model="hash"))
        if is_broken_off:
            with closing(open_kb(settings)) as kb:
                assert next(filling(kb, 2 * CHUNKS_AT_ONCE, None)) == CHUNKS_AT_ONCE
        with closing(open_kb(settings)) as kb:
            *_, stored = filling(kb, CHUNKS_AT_ONCE + 150, None)
            assert stored == kb.database.reading(chunks.count) == CHUNKS_AT_ONCE + 150
            assert kb.database.reading(index_ops.waiting) == 0
            with kb.database.read() as tx:
                found.append({text for _, text in chunks.live_of_dataset(tx, dataset_id_of(kb))})
    assert found[0] == found[1]
    assert len(found[0]) == CHUNKS_AT_ONCE + 150
