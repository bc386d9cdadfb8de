"""What a document becomes: pages, spans, chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from kb.types.access import Quota

ARCHIVE_TYPE = "application/zip"
"""The media type of archives, which are expanded into documents; office files are not archives."""

DocumentStatus = Literal["pending", "indexing", "ready", "failed", "removed"]


SplitMode = Literal["auto", "separator", "parent_child", "qa"]
ParentKind = Literal["section", "paragraph"]
BlockKind = Literal["heading", "paragraph", "list", "table", "code"]

CLEAN_MAX_SHARE = 0.5
"""Of visible characters. The rules that are on took at most 1 % of 54 PDFs, all rules together at
most 31 % of 329 Markdown pages; what takes more than half does not fit the document."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How a dataset's text is cut; sizes are tokens of the embedder. None: what it reads best.

    `separator`, `regex`, `keep_separator` and `merge` are for mode `separator`; `parent` and
    `parent_max_tokens` for `parent_child`; `rows` (a chunk for each row of a table) for `auto`.
    """

    mode: SplitMode = "auto"
    max_tokens: int | None = None
    overlap: int = 0
    rows: bool = False
    separator: str = "\n\n"
    regex: bool = False
    keep_separator: bool = False
    merge: bool = True
    parent: ParentKind = "section"
    parent_max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Processing:
    """A dataset's cleaning rules (name → on or off; absent: the default) and its splitting.

    Matches of `custom_regex` are taken out by the rule of that name. A document of which the rules
    take out more than `clean_max_share` (0 to 1) fails.
    """

    clean: Mapping[str, bool] = field(default_factory=dict)
    split: SplitOptions = SplitOptions()
    custom_regex: tuple[str, ...] = ()
    clean_max_share: float = CLEAN_MAX_SHARE


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of documents under one embedder and one index generation, the one that answers.

    `model` is the name by which the embedder is opened; None in folders of a version without it.
    With `expires_after_days` it is deleted when it was last searched, at `active_at`, so long ago.
    """

    id: str
    name: str
    description: str
    processing: Processing
    embedder: str
    generation: int
    created_at: str
    model: str | None = None
    quota: Quota = field(default_factory=Quota)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    expires_after_days: int | None = None
    active_at: str | None = None

    @property
    def expires(self) -> float | None:
        """When it is deleted unless it is searched before, in seconds since the epoch."""
        days = self.expires_after_days
        return None if days is None else self._active + days * 86_400

    def is_noted_before(self, moment: float) -> bool:
        """Whether its last use matters, and was noted before then."""
        return self.expires_after_days is not None and self._active < moment

    @property
    def _active(self) -> float:
        return datetime.fromisoformat(self.active_at or self.created_at).timestamp()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Bytes that a key keeps under a name, whether documents are made of them or not.

    `expires` is in seconds since the epoch; None: never.
    """

    id: str
    name: str
    purpose: str
    sha256: str
    size_bytes: int
    created_at: str
    key_id: str | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not work: a stable code and a sentence that says what to do."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Document:
    """One uploaded file. `name` (a relative path) is its key within the dataset.

    `version` counts uploads of other bytes under the same name; `live_version` is the one that
    answers questions (None until the first is ready). `receipt` accounts for every character.
    `file_id` is the stored file that it was made of, if it was. It answers while `enabled`, from
    `valid_from` to `valid_until` (days, YYYY-MM-DD, both included), and who carries none of its
    `labels` sees nothing of it.
    """

    id: str
    dataset_id: str
    name: str
    version: int
    live_version: int | None
    media_type: str
    sha256: str
    size_bytes: int
    metadata: Mapping[str, Any]
    status: DocumentStatus
    error: Failure | None
    chunk_count: int
    receipt: Mapping[str, Any] | None
    batch_id: str | None
    created_at: str
    updated_at: str
    file_id: str | None = None
    enabled: bool = True
    valid_from: str | None = None
    valid_until: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def switches(self) -> dict[str, Any]:
        """The days and labels that it has, and that it is off, if it is."""
        names = ("valid_from", "valid_until", "labels")
        found = {name: value for name in names if (value := getattr(self, name))}
        return found if self.enabled else found | {"enabled": False}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of decoded text, Unicode NFC, never changed again: it is what citations quote."""

    number: int
    text: str


class Block(NamedTuple):
    """Characters `start` to `end` (exclusive) of a page and what they are.

    `level` is for headings, 1 outermost; other kinds have 0. Blocks are in reading order and do
    not overlap; text between two blocks is treated as a paragraph, so none is lost.
    """

    page: int
    start: int
    end: int
    kind: BlockKind
    level: int = 0


Extent = tuple[int, int]
"""First character, and the one behind the last, in one text."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of one page's text."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """What is returned in place of the chunks that were cut from it: a section, a row.

    `text` and `index_text` are as those of a chunk; only the latter may be longer than the
    embedder reads, because it is never embedded.
    """

    spans: tuple[Span, ...]
    text: str
    index_text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A searchable piece of a document.

    `text` is the concatenation of its spans' slices of page text; usually one span, two where a
    sentence runs over a page break. `index_text` = heading path + text without what cleaning
    removes: it is what is embedded, searched and put into the prompt. A chunk with a `parent` is
    only searched: a hit returns the parent. One that is not `enabled` is never found.
    """

    id: str
    document_id: str
    index: int
    spans: tuple[Span, ...]
    text: str
    heading: str
    index_text: str
    parent: Passage | None = None
    enabled: bool = True


GenerationStatus = Literal["building", "ready", "live", "retired"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One way in which a dataset is indexed; the one whose status is `live` answers.

    `model` is the name by which the embedder is opened, `embedder` its fingerprint. All that are
    not live are kept up with it: what is uploaded or deleted reaches each of them.
    """

    dataset_id: str
    number: int
    status: GenerationStatus
    processing: Processing
    embedder: str
    model: str | None
    created_at: str
    ready_at: str | None
    live_at: str | None
    retired_at: str | None


@dataclass(frozen=True, slots=True)
class GenerationCounts:
    """How far a generation has come: `documents` = `ready` + `failed` + `pending`."""

    documents: int
    ready: int
    failed: int
    chunks: int

    @property
    def pending(self) -> int:
        """Documents that the generation lacks."""
        return self.documents - self.ready - self.failed
