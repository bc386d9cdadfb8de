"""An index of an older version, whose words were cut by other rules, heals itself."""

from __future__ import annotations

import time

from kb.index import keywords
from kb.protocols import IndexKey
from kb.types import Retrieval
from tests.kb.search.found import FILES, named, names
from tests.parts import ADMIN, ingest, keyword_ids, opened

PATIENCE_S = 60


def test_an_index_of_older_terms_is_made_anew_while_searches_go_on(tmp_path, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(keywords, "TERMS_VERSION", "terms-of-yesterday")
        with opened(tmp_path / "data") as kb:
            ids = ingest(kb, kb.create_dataset(ADMIN, "d").id, FILES)

    with opened(tmp_path / "data") as kb:
        dataset_id = named(kb, "d")
        assert names(kb, [dataset_id], "moon over Ostrava", mode="keyword")[0] == "moon.md"
        deadline = time.monotonic() + PATIENCE_S
        while kb.index_health.damaged():
            assert time.monotonic() < deadline, "the index is not made anew"
            time.sleep(0.05)

        chunk_ids = keyword_ids(kb, IndexKey(dataset_id, 1))
        assert {chunk_id.partition(".")[0] for chunk_id in chunk_ids} == set(ids.values())
        hits = kb.searcher.search(ADMIN, [dataset_id], "moon", Retrieval(mode="keyword")).hits
        assert [hit.document_name for hit in hits] == ["moon.md"]
