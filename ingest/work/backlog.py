"""Documents that are read and wait for the embedder, which takes a little of each in turn.

A document of ten thousand chunks must not hold up one of two: every slice of work is divided among
all documents that wait, and what one of them cannot use goes to the others. Readers stand still
while there is more than a memory should hold.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ingest.work.pipeline import Prepared
from kb.store.content.embeddings import text_hash
from kb.store.work.jobs import Job

MOST_DOCUMENTS = 256
MOST_CHARACTERS = 32_000_000
"""About 200 MB, for each character stands in a page and twice in a chunk."""


@dataclass(slots=True)
class Waiting:
    """A prepared document, and those of its texts that may have no vector yet, by their hash.

    `noted` is the progress that its batch knows of, `embed_s` its share of the model's time.
    """

    prepared: Prepared
    texts: dict[bytes, str] = field(init=False)
    characters: int = field(init=False)
    is_looked_up: bool = False
    noted: float = 0.0
    embed_s: float = 0.0

    def __post_init__(self) -> None:
        chunks = self.prepared.chunks
        # By length: the texts of one model call then need little padding.
        texts = sorted((chunk.index_text for chunk in chunks), key=len)
        self.texts = {text_hash(text): text for text in texts}
        self.characters = sum(map(len, self.texts.values()))

    @property
    def job(self) -> Job:
        """The claim that this document is worked on under."""
        return self.prepared.job

    def progress(self, embedded: Collection[bytes]) -> float:
        """How much of its text has vectors, 0 to 1, once these texts have them too."""
        left = sum(len(text) for name, text in self.texts.items() if name not in embedded)
        return 1 - left / self.characters if self.characters else 1.0

    def forget(self, embedded: Collection[bytes]) -> None:
        """These texts have vectors now."""
        for name in embedded:
            self.texts.pop(name, None)


Share = tuple[Waiting, list[bytes]]
"""A document, and which of its texts are embedded next."""


def divided(waiting: Sequence[Waiting], most: int) -> list[Share]:
    """The next slice: up to `most` texts, and as many of each document as of any other.

    Those that need less are finished, and leave the rest to the others. A document that needs none
    is in every slice: it only waits to be stored.
    """
    shares: list[Share] = []
    left = most
    by_need = sorted(waiting, key=lambda item: len(item.texts))
    for place, item in enumerate(by_need):
        fair = -(-left // (len(by_need) - place))
        names = list(item.texts)[:fair]
        left -= len(names)
        if names or not item.texts:
            shares.append((item, names))
    return shares


class Backlog:
    """What waits for the embedder. Thread-safe; one thread takes, any number adds."""

    def __init__(
        self, *, documents: int = MOST_DOCUMENTS, characters: int = MOST_CHARACTERS
    ) -> None:
        """Has room for one more document while it holds less than both limits."""
        self._documents = documents
        self._characters = characters
        self._waiting: list[Waiting] = []
        self._changed = threading.Condition()

    def put(self, prepared: Prepared, timeout_s: float) -> bool:
        """Add a document; False if there was no room for it in that time."""
        waiting = Waiting(prepared)
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout_s):
                return False
            self._waiting.append(waiting)
            self._changed.notify_all()
            return True

    def waiting(self, *, least: int, timeout_s: float, patience_s: float) -> list[Waiting]:
        """All that waits, as soon as there is something.

        Args:
            least: with fewer chunks than that it is worth waiting for more,
            patience_s: as long as some come at this interval.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_s)
            while self._waiting and self._chunks() < least and self._more_come(patience_s):
                pass
            return list(self._waiting)

    def remove(self, done: Collection[Waiting]) -> None:
        """These documents wait no longer."""
        gone = {id(item) for item in done}
        with self._changed:
            self._waiting = [item for item in self._waiting if id(item) not in gone]
            self._changed.notify_all()

    def _more_come(self, timeout_s: float) -> bool:
        seen = len(self._waiting)
        return self._changed.wait_for(lambda: len(self._waiting) > seen, timeout_s)

    def _has_room(self) -> bool:
        size = sum(item.characters for item in self._waiting)
        return len(self._waiting) < self._documents and size < self._characters

    def _chunks(self) -> int:
        return sum(len(item.prepared.chunks) for item in self._waiting)
