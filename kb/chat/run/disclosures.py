"""What readers are told of hidden prompts, over all answers that they get."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

from kb.chat.ask.question import RunIdentity
from kb.chat.guard.disclosed import Disclosed
from kb.chat.guard.index import PromptIndex
from kb.store.apps import disclosures
from kb.store.engine.database import Database, Transaction
from kb.types import ANONYMOUS

ReaderKey = tuple[str, str, str]


class Disclosures:
    """Keeps what each reader was told, in SQL; answers that stream at once to one share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._live: WeakValueDictionary[ReaderKey, Disclosed] = WeakValueDictionary()
        self._lock = Lock()

    def of(self, identity: RunIdentity, index: PromptIndex) -> Disclosed:
        """What the reader of a run was told of a prompt."""
        key = _reader_key(identity, index)
        with self._lock:
            if (told := self._live.get(key)) is None:
                with self._database.read() as tx:
                    told = Disclosed(index, disclosures.get(tx, *key))
                self._live[key] = told
            return told

    def store(self, tx: Transaction, identity: RunIdentity, told: Disclosed) -> None:
        """Keep what has been told since it was loaded or kept, beside what other processes have."""
        if told.changed:
            key = _reader_key(identity, told.index)
            for start, end in disclosures.get(tx, *key):
                told.add(start, end)
            told.changed = False
            disclosures.put(tx, *key, told.intervals)


def _reader_key(identity: RunIdentity, index: PromptIndex) -> ReaderKey:
    """Whoever a widget names by itself may come under another name each time: their key counts."""
    user, key = identity.end_user, identity.key_id
    is_named = user is not None and not user.startswith(f"{ANONYMOUS}_")
    return identity.app_id, index.digest, (user if is_named else key) or ""
