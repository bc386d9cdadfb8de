"""What an index library throws, in our own words."""

import pytest
import tantivy

from kb.errors import IndexDamaged, StorageFull
from kb.index import folders
from kb.index.folders import reporting_damage
from kb.protocols import IndexKey

KEY = IndexKey("d1", 3)


@pytest.fixture
def raising(tmp_path):
    def raising(error):
        with reporting_damage("vector", KEY, (ValueError,), root=tmp_path):
            raise error

    return raising


@pytest.mark.parametrize("error", [ValueError("torn"), OSError("input/output error")])
def test_errors_of_the_library_name_the_index_that_is_damaged(raising, error):
    with pytest.raises(IndexDamaged, match="vector index of dataset 'd1'") as caught:
        raising(error)

    assert (caught.value.dataset_id, caught.value.generation) == ("d1", 3)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("IO error: No space left on device (os error 28)"),
        ValueError("error returned from database: (code: 13) database or disk is full"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_full_disk_is_not_damage(raising, error):
    with pytest.raises(StorageFull):
        raising(error)


def test_a_failure_without_room_on_the_disk_is_not_damage(raising, monkeypatch):
    monkeypatch.setattr(folders, "LEAST_FREE_BYTES", 1 << 80)

    with pytest.raises(StorageFull):
        raising(ValueError("Failed to apply logs to the metadata segment"))


@pytest.mark.parametrize("error", [KeyError("ours"), KeyboardInterrupt(), SystemExit()])
def test_anything_else_passes_through(raising, error):
    with pytest.raises(type(error)):
        raising(error)


def test_a_panic_of_the_library_becomes_our_error(tmp_path):
    schema = tantivy.SchemaBuilder().add_text_field("body").build()
    index = tantivy.Index(schema)

    with pytest.raises(IndexDamaged), reporting_damage("keyword", KEY, (), root=tmp_path):
        index.searcher().doc(tantivy.DocAddress(7, 0))  # no such segment: Rust panics
