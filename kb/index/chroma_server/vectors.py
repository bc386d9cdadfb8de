"""Nearest neighbours on a Chroma server: one collection per dataset and generation.

The server may be restarted, emptied or put back to an older state at any time, and would then find
less without a sign of it. So a collection is used only after SQL has said how many rows it must
hold at least; it is asked again after each answer that did not come, and when the collection is
another one. Ids and vectors only, as in the embedded index: the server embeds nothing.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kb.errors import IndexDamaged, StorageFull, Unavailable
from kb.index.chroma_server.server import ChromaServer, Missing, Refused
from kb.index.folders import says_full
from kb.index.health import IndexHealth
from kb.index.hnsw import HNSW
from kb.protocols import IndexKey, IndexName, Scored, Vectors

logger = logging.getLogger(__name__)

CONFIGURATION = {"hnsw": HNSW, "embedding_function": None}
PAGE = 5000
WRITE_S = 120.0
LOOKS = 3
"""A collection that is written to meanwhile may look short; one that is short stays so."""


class ChromaServerVectors:
    """A `VectorIndex` whose collections are named `<prefix>-<dataset>-<generation>`. Thread-safe.

    Any number of processes may ask; one at a time may write. Every method may raise IndexDamaged
    (make the index anew), Unavailable (the server is away) and StorageFull.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        promised: Callable[[IndexKey], int],
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
        health: IndexHealth | None = None,
    ) -> None:
        """
        Args:
            prefix: tells installations on one server apart.
            promised: how many rows an index must hold at least (`index_ops.promised_texts`).
            headers: sent with each request; they are secret.
            timeout_s: for one question.
            health: where damage is reported.
        """
        self._server = ChromaServer(url, headers or {}, timeout_s=timeout_s)
        self._prefix = prefix
        self._promised = promised
        self._health = health or IndexHealth()
        self._known: dict[IndexKey, str] = {}
        self._broken: dict[IndexKey, str] = {}
        self._batch = 0

    def check_reached(self) -> None:
        """Raises Unavailable unless the server answers."""
        self._server.check_not_away()
        self._server.largest_batch()

    def add(self, key: IndexKey, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Add rows; an id that is there keeps its row, and of an id given twice the last counts."""
        rows = {chunk_id: row for row, chunk_id in enumerate(chunk_ids)}
        if not rows:
            return
        with self._reporting(key):
            if not self._collection(key):
                self._known[key] = self._created(self._name(key))
            for body in self._bodies(list(rows), vectors[list(rows.values())]):
                self._ask(key, "add", body, WRITE_S)

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget rows; unknown ids and a missing collection are ignored."""
        with self._reporting(key):
            for start in range(0, len(chunk_ids), PAGE):
                part = list(chunk_ids[start : start + PAGE])
                self._ask(key, "delete", {"ids": part}, WRITE_S)

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest chunks of a (1, dimensions) vector, best first, score = cosine."""
        if limit < 1:
            return []
        body = {"query_embeddings": vector, "n_results": limit, "include": ["distances"]}
        with self._reporting(key):
            self._server.check_not_away()
            found = self._ask(key, "query", body)
        if found is None:
            return []
        return [
            Scored(chunk_id, min(1.0, 1.0 - distance))
            for chunk_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held; whether each is found, `kb.upkeep.index_check` asks of a sample."""
        found: set[str] = set()
        with self._reporting(key):
            while page := self._ask(key, "get", _page(PAGE, len(found)), WRITE_S):
                if not page["ids"]:
                    break
                found.update(page["ids"])
        return found

    def is_mended(self, name: IndexName) -> bool:
        """Whether a damaged collection has been replaced by one that holds what it must."""
        self._known.pop(name.key, None)
        try:
            with self._reporting(name.key):
                self._collection(name.key)
        except IndexDamaged:
            return False
        return True

    def drop(self, key: IndexKey) -> None:
        """Remove the collection, and what a process that died left beside it."""
        with self._reporting(key):
            for name in (self._name(key), _beside(self._name(key))):
                self._remove(name)
        self._trust(key)

    def rebuild_beside(self, key: IndexKey, parts: Iterable[tuple[Sequence[str], Vectors]]) -> None:
        """Make the index anew of (ids, vectors); the present one answers until it is done.

        Then that is removed before the new one takes its name, so that whoever has its id learns of
        it; in between SQL answers.
        """
        name, made = self._name(key), ""
        with self._reporting(key):
            self._remove(_beside(name))  # of a process that died
            try:
                for ids, vectors in parts:
                    made = made or self._created(_beside(name))
                    for body in self._bodies(ids, vectors):
                        self._server.ask(
                            "POST", f"/collections/{made}/add", body, timeout_s=WRITE_S
                        )
                self._remove(name)
                if made:
                    self._server.ask("PUT", f"/collections/{made}", {"new_name": name})
            except BaseException:
                with suppress(Unavailable, Refused):
                    self._remove(_beside(name))
                raise
        self._trust(key)

    def close(self) -> None:
        """Release connections."""
        self._server.close()

    def _ask(
        self, key: IndexKey, action: str, body: object, timeout_s: float | None = None
    ) -> Any | None:
        """What the collection of a key answers; None if it has none and needs none."""
        while collection := self._collection(key):
            try:
                return self._server.ask(
                    "POST", f"/collections/{collection}/{action}", body, timeout_s=timeout_s
                )
            except Missing:  # it was removed, or made anew
                self._known.pop(key, None)
        return None

    def _collection(self, key: IndexKey) -> str:
        """The id of a collection that holds what it must; empty if there need be none.

        Raises IndexDamaged, after having asked SQL, when it lacks rows.
        """
        if found := self._known.get(key):
            return found
        found, held, promised = "", 0, 0
        for _ in range(LOOKS):
            promised = self._promised(key)  # first: what is finished later may be there or not
            found, held = self._held(self._name(key))
            if found and found == self._broken.get(key):
                break  # until somebody has made it anew, with another id
            if held >= promised:
                self._trust(key)
                if found:
                    self._known[key] = found
                return found
        logger.warning("the vectors of dataset %s are %d of %d", key.dataset_id, held, promised)
        raise self._damage(key, found)

    def _held(self, name: str) -> tuple[str, int]:
        """The id of a collection and how many rows it has, as far as the graph is there."""
        try:
            found = self._server.ask("GET", f"/collections/{name}")
            path = f"/collections/{found['id']}"
            held = self._server.ask("GET", f"{path}/count")
            # Reads one vector: Chroma goes on with an empty graph when the graph's files are lost.
            self._server.ask("POST", f"{path}/get", {**_page(1), "include": ["embeddings"]})
        except Missing:
            return "", 0
        return found["id"], int(held)

    def _created(self, name: str) -> str:
        body = {"name": name, "configuration": CONFIGURATION, "get_or_create": True}
        return str(self._server.ask("POST", "/collections", body)["id"])

    def _remove(self, name: str) -> None:
        with suppress(Missing):
            self._server.ask("DELETE", f"/collections/{name}", timeout_s=WRITE_S)

    def _bodies(self, ids: Sequence[str], vectors: Vectors) -> Iterator[dict[str, list[str]]]:
        self._batch = self._batch or self._server.largest_batch()
        for start in range(0, len(ids), self._batch):
            part = slice(start, start + self._batch)
            rows = [base64.b64encode(row).decode() for row in vectors[part].astype("<f4")]
            yield {"ids": list(ids[part]), "embeddings": rows}

    def _name(self, key: IndexKey) -> str:
        return f"{self._prefix}-{key.dataset_id}-{key.generation}"

    def _trust(self, key: IndexKey) -> None:
        self._known.pop(key, None)
        self._broken.pop(key, None)
        self._health.trust(IndexName("vector", key), None)

    @contextmanager
    def _reporting(self, key: IndexKey) -> Iterator[None]:
        try:
            yield
        except Refused as exc:
            if says_full(exc):
                raise StorageFull(
                    "The disk of the Chroma server is full. Make room; indexing then goes on."
                ) from exc
            logger.warning("the Chroma server refused: %s", exc)
            raise self._damage(key, self._known.get(key, "")) from exc
        except Missing as exc:
            raise self._damage(key) from exc
        except IndexDamaged:
            raise
        except Unavailable:
            self._known.clear()  # it may come back with another folder
            raise

    def _damage(self, key: IndexKey, collection: str = "") -> IndexDamaged:
        self._known.pop(key, None)
        if collection:
            self._broken[key] = collection
        if self._health.may_open(name := IndexName("vector", key)):  # else it is known
            self._health.report_damage(name)
        return IndexDamaged("vector", key.dataset_id, key.generation)


def _beside(name: str) -> str:
    return f"{name}.new"


def _page(limit: int, offset: int = 0) -> dict[str, Any]:
    return {"limit": limit, "offset": offset, "include": []}
