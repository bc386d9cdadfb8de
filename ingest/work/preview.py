"""What an upload would do to a file: read, cleaned and split like any other, and nothing stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from ingest.intake.upload import Incoming, checked_name
from ingest.sandbox.reader_process import ReaderPool
from ingest.sniff.media_types import sniff
from ingest.types import Extraction, ReadOptions
from ingest.work.processing import Processed, process, receipt
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.types import ARCHIVE_TYPE, Processing


@dataclass(frozen=True, slots=True)
class Preview:
    """A document that exists nowhere. `tokens` counts each chunk's `index_text`."""

    name: str
    media_type: str
    extraction: Extraction
    processed: Processed
    tokens: tuple[int, ...]
    receipt: dict[str, object]


def preview(
    kb: KnowledgeBase, incoming: Incoming, processing: Processing, *, encoding: str | None = None
) -> Preview:
    """Do to a staged file what an upload into a dataset with this processing would do.

    Raises:
        UnsupportedMedia: no reader for these bytes.
        UnreadableFile: its reader gave up, or the way of splitting does not fit.
    """
    name, staged = checked_name(incoming.name), incoming.staged
    media_type = sniff(staged.head, name)
    if media_type == ARCHIVE_TYPE:
        raise Rejected("An archive has no preview. Send one of the files that it holds.")
    limits = kb.settings.ingest
    options = ReadOptions(encoding, limits.max_characters, limits.ocr_languages)
    pool = ReaderPool(
        timeout_s=limits.read_timeout_s,
        memory_bytes=limits.read_memory_bytes,
        max_characters=limits.max_characters,
    )
    with closing(pool) as readers:
        extraction = readers.read(staged.path, media_type, options)
    embedder = kb.embedder
    processed = process(
        extraction,
        processing,
        embedder.tokenizer,
        max_tokens=embedder.max_tokens,
        chunk_prefix="preview",
        document_id="preview",
    )
    return Preview(
        name=name,
        media_type=media_type,
        extraction=extraction,
        processed=processed,
        tokens=tuple(len(embedder.tokenizer.offsets(c.index_text)) for c in processed.chunks),
        receipt=receipt(
            staged.size_bytes,
            extraction,
            processed.removals,
            processed.chunks,
            sums=processed.balance,
            seconds=processed.seconds,
        ),
    )
