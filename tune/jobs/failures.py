"""How a training job ends early. Codes stand in its `error`; nothing here is raised to a caller."""

from __future__ import annotations

from kb.types import Failure


class TrainingFailed(Exception):
    """The job cannot go on; `failure` says why and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(code, detail)


class Unwanted(Exception):
    """The job was paused, cancelled or deleted, or the server is to stop."""
