"""What a document's error says when indexing broke off for reasons that are not in the file."""

from __future__ import annotations

from kb.errors import KnowledgeBaseError
from kb.types import Failure

INTERNAL = Failure(
    "internal_error", "Indexing failed on our side; the log has the details. Retry the document."
)


class CrashedRepeatedly(KnowledgeBaseError):
    """A document took the whole process down again and again; trying it once more would too."""

    code = "crashed_repeatedly"

    def __init__(self, times: int) -> None:
        super().__init__(
            f"Indexing this document stopped the server {times} times; it is not tried again. "
            f"Retry it by hand, or check the file."
        )
