"""Rows for a vector index, and where it keeps them."""

import numpy as np

from kb.protocols import IndexKey

KEY = IndexKey("d1", 1)
ROWS = 1200  # over 1,000 Chroma writes its graph to disk


def unit_vectors(rows, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def names(rows):
    return [f"doc.1.1.{row}" for row in range(rows)]


def folder(tmp_path, key=KEY):
    return tmp_path / key.dataset_id / f"g{key.generation}" / "vectors"


def graph(tmp_path):
    (found,) = {path.parent for path in folder(tmp_path).rglob("data_level0.bin")}
    return found


def written_and_closed(index):
    index.add(KEY, names(ROWS), unit_vectors(ROWS))
    index.close()
