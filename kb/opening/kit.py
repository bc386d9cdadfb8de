"""What a knowledge base stands on. Each kit is one choice of engines for all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kb.background import Loop
from kb.chat.run.run_log import RunLog
from kb.files.folder import DataFolder
from kb.files.originals import Originals
from kb.files.owners import Owner
from kb.files.partial_files import PartialFiles
from kb.index.applier import Followers
from kb.index.health import IndexHealth
from kb.index.keyword_copies.node import KeywordCopies
from kb.protocols import IndexName, KeywordFeed, KeywordIndex, VectorIndex
from kb.store.access.secrets import Secrets
from kb.store.engine.database import Database
from kb.upkeep.servers import Servers


@dataclass(frozen=True, slots=True)
class Kit:
    """The opened engines, and the secrets that go with what they hold.

    `folder` is the process's own: with the local kit the only copy of everything, in a cluster of
    what can be made again. `feed` keeps `keywords` up, which in a cluster are one process's copies:
    then `followers` are all that have some. `admin_key` is the operator's. `run_log` tells runs to
    other processes, `loops` keep the engines tidy, `servers` are looked at, and `copies` are for
    who searches. `is_mended` says whether another process has made a damaged index anew.
    """

    folder: DataFolder
    database: Database
    owner: Owner
    originals: Originals
    partial_files: PartialFiles
    vectors: VectorIndex
    keywords: KeywordIndex
    feed: KeywordFeed
    followers: Followers | None
    health: IndexHealth
    vault: Secrets
    admin_key: str
    servers: Servers
    run_log: RunLog | None = None
    loops: tuple[Loop, ...] = ()
    copies: KeywordCopies | None = None
    is_mended: Callable[[IndexName], bool] = lambda name: False

    @property
    def others(self) -> Owner | None:
        """This process among others that share the rows, None if it is alone."""
        return None if self.run_log is None else self.owner
