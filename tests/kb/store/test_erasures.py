"""What is kept of a deleted document until it is erased, on each engine."""

from __future__ import annotations

from sqlalchemy import insert

from kb.store.content import datasets
from kb.store.engine import schema
from kb.store.engine.database import Database
from kb.store.upkeep import erasures
from kb.store.work import batches, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Scope


def test_samples_are_from_the_middle_of_pages(database: Database):
    scope, page = Scope.admin(), "a" * 51 + "b" * 50
    with database.write() as tx:
        dataset = datasets.create(tx, scope, name="d", embedder="none")
        target = UploadTarget(scope, dataset.id, batches.create(tx, scope, dataset.id))
        (put,) = placing.put(tx, target, [Upload("a.md", "text/markdown", "0" * 64, 1)])
        row = {"document_id": put.document.id, "version": 1, "number": 1, "text": page}
        tx.execute(insert(schema.pages).values(row))
        (sample,) = erasures.text_samples(tx, put.document.id)
    assert sample == page[49 : 49 + len(sample)]
    assert len(sample) > 15
