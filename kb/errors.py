"""Every error that a user can meet. Domain errors know no HTTP: `api/errors.py` maps families.

KnowledgeBaseError
├── NotFound                 absent, or somebody else's (the two answer alike)
├── NotAllowed               the key is known but may not do this kind of thing
├── RateLimited              the key has used up what it may use for now
│   └── BudgetExceeded       what a key or app may spend is spent
├── Rejected                 the request is understood and wrong
│   ├── UnsupportedMedia     no reader for these bytes
│   ├── TooLarge
│   │   └── QuotaExceeded    a key or dataset may not keep more
│   ├── TextTooLong          an embedding server refuses a text
│   └── UnreadableFile       a reader gave up: damaged, encrypted, empty, over a limit
├── Conflict
│   ├── EmbedderMismatch     vectors of another model
│   ├── PreconditionFailed   changed since the caller read it
│   ├── GenerationIncomplete switching to it now would lose documents
│   └── DataFolderLocked     another process owns the folder
└── Unavailable
    ├── Overloaded           try again later
    ├── ModelUnavailable     the language model did not answer
    ├── IndexDamaged         a derived index must be rebuilt from the database
    ├── DatabaseDamaged      pages of the database cannot be read
    └── StorageFull          the disk is full
        ├── StorageFailed    the disk reports an error
        ├── DatabaseUnavailable the database server does not answer
        └── StorageUnavailable the store of originals does not answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

UnreadableReason = Literal[
    "archive_damaged", "archive_duplicate", "archive_empty", "archive_encrypted", "archive_link",
    "archive_method", "archive_mismatch", "archive_nested", "archive_overlap",
    "archive_too_large", "archive_unsafe_name", "cleaned_too_much", "damaged_file", "empty_file",
    "invalid_request", "no_questions", "no_text", "ocr_failed", "password_required",
    "pattern_timeout", "read_memory", "read_timeout", "reader_crashed", "reader_not_started",
    "receipt_unbalanced", "too_large", "transcription_failed", "transcription_missing",
    "unknown_encoding",
    "unreadable_file", "wrong_format", "xml_refused"
]  # fmt: skip
"""Why a file cannot be read: the codes that its document fails with."""


class KnowledgeBaseError(Exception):
    """Root of the tree: `code` is stable, `detail` says what is wrong and what to do."""

    code = "internal_error"
    members: Mapping[str, Any] = {}
    """What a program needs besides: further members of the problem."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(KnowledgeBaseError):
    """The thing does not exist, or the key may not see it."""

    code = "not_found"

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"No {kind} {identifier!r} can be seen with this key.")


class Unauthenticated(KnowledgeBaseError):
    """There is no key, or it is malformed, unknown, expired or revoked: all answer alike."""

    code = "unauthenticated"

    def __init__(
        self, detail: str = "A valid key is needed: send it as `Authorization: Bearer <key>`."
    ) -> None:
        super().__init__(detail)


class NotAllowed(KnowledgeBaseError):
    """The key's kind does not permit the operation."""

    code = "forbidden"


class RateLimited(KnowledgeBaseError):
    """The key has reached one of its limits; after `retry_after_s` seconds it may go on."""

    code = "rate_limited"

    def __init__(
        self, detail: str, retry_after_s: int, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.members = members or {}


class BudgetExceeded(RateLimited):
    """What a key or app may spend in a day or month is spent; `budget` says which."""

    code = "budget_exceeded"


class Rejected(KnowledgeBaseError):
    """The request is understood and cannot be done as asked."""

    code = "invalid_request"


class UnsupportedMedia(Rejected):
    """No reader understands these bytes."""

    code = "unsupported_media_type"


class TooLarge(Rejected):
    """A file or body is over a limit."""

    code = "too_large"


class QuotaExceeded(TooLarge):
    """A key or dataset may not keep as many documents or bytes."""

    code = "quota_exceeded"

    def __init__(self, detail: str, members: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.members = members


class TextTooLong(Rejected):
    """An embedding server refuses a text, which would else be cut silently."""

    code = "text_too_long"

    def __init__(self, tokens: int) -> None:
        super().__init__(
            f"The embedding server refuses a text of about {tokens} tokens, and none is cut "
            "silently. Set KB_EMBEDDING__MAX_TOKENS to what its model reads, and retry."
        )


class UnreadableFile(Rejected):
    """A reader gave up on a file. `reason` names why in one word, for scripts."""

    code = "unreadable_file"

    def __init__(self, detail: str, *, reason: UnreadableReason = "unreadable_file") -> None:
        super().__init__(detail)
        self.code = reason


class Conflict(KnowledgeBaseError):
    """The request collides with the present state."""

    code = "conflict"


class PreconditionFailed(Conflict):
    """The thing was changed since the caller read it (`If-Match`)."""

    code = "precondition_failed"


class EmbedderMismatch(Conflict):
    """The dataset holds vectors of another model; searching it would rank noise."""

    code = "embedder_mismatch"

    def __init__(self, dataset: str, built_with: str, configured: str) -> None:
        super().__init__(
            f"Dataset {dataset!r} was built with embedder {built_with!r}, but {configured!r} is "
            f"configured. Set KB_EMBEDDING__MODEL back, or run `kb reindex`, which builds it anew "
            f"with the configured one."
        )


class GenerationIncomplete(Conflict):
    """The generation lacks what the live one has: switching now would take it out of answers."""

    code = "generation_incomplete"


class DataFolderLocked(Conflict):
    """Another process owns the data folder."""

    code = "data_folder_locked"


class Unavailable(KnowledgeBaseError):
    """Something that the operation needs is not there at the moment."""

    code = "unavailable"


class Overloaded(Unavailable):
    """Too much is going on; the same request may work in a moment."""

    code = "overloaded"


class ModelUnavailable(Unavailable):
    """The language model refused, timed out or broke off. Its own words are never passed on.

    `status` is that of its server's answer, None without one.
    """

    code = "model_unavailable"
    status: int | None = None


class IndexDamaged(Unavailable):
    """A derived index cannot be read; dropping it and rebuilding it from the database mends it."""

    code = "index_damaged"

    def __init__(self, kind: str, dataset_id: str, generation: int) -> None:
        super().__init__(
            f"The {kind} index of dataset {dataset_id!r} (generation {generation}) is damaged. "
            f"No document is lost: `kb fsck --repair` rebuilds it from the database."
        )
        self.dataset_id = dataset_id
        self.generation = generation


class DatabaseDamaged(Unavailable):
    """Pages of the database cannot be read: nothing may be removed on its word."""

    code = "database_damaged"

    def __init__(self, found: Sequence[str] = ()) -> None:
        where = f": {'; '.join(found)}" if found else ""
        super().__init__(
            f"The database is damaged{where}. Nothing was removed. Keep a copy of the data folder, "
            f"and restore the last backup into a new one: `kb restore FILE --data-dir NEW`."
        )


class StorageFull(Unavailable):
    """The disk that holds the data folder is full."""

    code = "storage_full"


class StorageFailed(StorageFull):
    """The disk reports an error. What waits for room on the disk waits for the end of this too."""

    code = "storage_failed"

    def __init__(self) -> None:
        super().__init__(
            "The disk that holds the data folder reports an error or has become read-only, or a "
            "file has reached the size that this process may write (`ulimit -f`); nothing was "
            "changed. See the log of the system, and try again."
        )


class ProcessLost(Unavailable):
    """The process that wrote an answer has died, or was cut off from all others."""

    code = "process_lost"

    def __init__(self) -> None:
        super().__init__("The server process that wrote this answer has ended. Ask again.")


class DatabaseUnavailable(StorageFull):
    """The database server does not answer. What waits for room on the disk waits for it too."""

    code = "database_unavailable"

    def __init__(self, reason: str = "it does not answer") -> None:
        super().__init__(
            f"The database server cannot be used at the moment: {reason}. The same request may "
            f"work in a moment; if not, look at the server of KB_DATABASE__URL and at its log."
        )


class StorageUnavailable(StorageFull):
    """The servers that keep the originals do not answer as they should. What waits for room on the
    disk waits for them too."""

    code = "storage_unavailable"
