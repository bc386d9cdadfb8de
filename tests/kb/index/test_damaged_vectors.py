"""A vector index whose files are torn: it is reported, and a drop mends it."""

import os
import shutil

import numpy as np
import pytest

from kb.errors import IndexDamaged
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth
from kb.protocols import IndexKey
from tests.kb.index.chroma_rows import KEY, folder, graph, names, unit_vectors, written_and_closed


@pytest.fixture
def index(tmp_path):
    index = ChromaVectors(tmp_path, open_limit=3, health=IndexHealth({}))
    yield index
    index.close()


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path):
    path.write_bytes(b"not what it was" * 1000)


def lose(path):
    path.unlink()


def grow(path):
    os.truncate(path, 10_000_000)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("header.bin", cut_in_half),  # would be a segmentation fault
        ("header.bin", lose),
        ("header.bin", overwrite),
        ("data_level0.bin", lose),
        ("data_level0.bin", grow),
        ("length.bin", lose),
        ("link_lists.bin", lose),
        ("link_lists.bin", grow),
        ("index_metadata.pickle", lose),  # would be an empty index
        ("index_metadata.pickle", cut_in_half),
    ],
)
def test_a_torn_graph_is_reported_and_a_drop_mends_it(index, tmp_path, name, harm):
    written_and_closed(index)
    harm(graph(tmp_path) / name)

    for _ in range(2):
        with pytest.raises(IndexDamaged, match="d1"):
            index.query(KEY, unit_vectors(1), 5)
    with pytest.raises(IndexDamaged):
        index.add(KEY, names(1), unit_vectors(1))
    with pytest.raises(IndexDamaged):
        index.ids(KEY)

    index.drop(KEY)
    index.add(KEY, names(5), unit_vectors(5))
    assert index.ids(KEY) == set(names(5))


@pytest.mark.parametrize("harm", [overwrite, lose, lambda path: os.truncate(path, 0)])
def test_a_torn_database_is_reported_and_a_drop_mends_it(index, tmp_path, harm):
    written_and_closed(index)
    harm(folder(tmp_path) / "chroma.sqlite3")

    for _ in range(2):
        with pytest.raises(IndexDamaged):
            index.query(KEY, unit_vectors(1), 5)

    index.drop(KEY)
    index.add(KEY, names(5), unit_vectors(5))
    assert index.ids(KEY) == set(names(5))


def test_a_lost_graph_is_not_an_empty_index(index, tmp_path):
    written_and_closed(index)
    shutil.rmtree(graph(tmp_path))

    with pytest.raises(IndexDamaged):
        index.query(KEY, unit_vectors(1), 5)


def test_vectors_of_another_model_are_refused_until_the_index_is_made_anew(index):
    index.add(KEY, names(3), unit_vectors(3))

    for _ in range(2):
        with pytest.raises(IndexDamaged):
            index.add(KEY, ["other"], np.ones((1, 24), np.float32))

    index.rebuild_beside(KEY, [(["other"], np.ones((1, 24), np.float32))])
    assert index.ids(KEY) == {"other"}


def test_damage_in_one_dataset_does_not_touch_another(index, tmp_path):
    written_and_closed(index)
    other = IndexKey("d2", 1)
    index.add(other, names(3), unit_vectors(3))
    overwrite(folder(tmp_path) / "chroma.sqlite3")

    with pytest.raises(IndexDamaged):
        index.ids(KEY)
    assert index.ids(other) == set(names(3))
