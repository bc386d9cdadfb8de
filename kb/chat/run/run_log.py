"""What a process tells others of its runs, and knows of theirs: here nothing, for there is one.

`kb/chat/run/shared_log.py` does the same for several processes over one database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kb.chat.ask.question import RunIdentity
from kb.chat.run.run import Run, Terminal
from kb.errors import ProcessLost
from kb.store.engine.database import Transaction
from kb.types import Failure, Message

LOST = Failure(ProcessLost.code, ProcessLost().detail)
"""Why a run failed whose process has died."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is known of an answer before its first event.

    Attributes:
        message: what will be stored if nothing more is heard of it.
        is_first: whether it begins a conversation.
        expected_tokens: what its models will likely read and write.
    """

    identity: RunIdentity
    message: Message
    is_first: bool
    expected_tokens: int


class EndedElsewhere(Exception):
    """Another process took this one for dead and has ended its run."""

    def __init__(self, terminal: Terminal, last: int) -> None:
        super().__init__()
        self.terminal = terminal
        self.last = last


class RunLog:
    """The log of a process that is alone: the events of a run are in its memory only."""

    def open(self) -> None:
        """Begin to listen to other processes, and to end the runs of those that died."""

    async def begin(self, unfinished: Callable[[], Unfinished]) -> None:
        """Let other processes find a run, before anybody hears of it.

        Args:
            unfinished: called in a thread.
        """

    def started(self, run: Run) -> None:
        """From now on its events are told."""

    def settle(self, tx: Transaction, run: Run, terminal: Terminal) -> None:
        """Write down the end of a run in the transaction that stores its message.

        Raises:
            EndedElsewhere: it has another end already, and a message; store nothing.
        """

    async def find(self, run_id: str) -> Run | None:
        """A run of another process, whose events come as they are written down."""
        return None

    async def under(self, external_id: str) -> list[Run]:
        """The runs of other processes in a conversation that goes by this name: those in progress,
        and those that have just ended."""
        return []

    async def expected_tokens(self, key_id: str | None) -> int:
        """What the unfinished answers of other processes to a key will likely use."""
        return 0

    async def close(self) -> None:
        """Tell what is not told yet, and listen no more."""
