"""What an upload would do to a file: read, cleaned and split like any other, and nothing stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from ingest.intake.upload import UploadedFile, checked_name
from ingest.sandbox.reader_process import ReaderPool
from ingest.sniff.media_types import sniff
from ingest.types import Extraction
from ingest.work.processing import Processed, process
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


def preview(
    kb: KnowledgeBase,
    incoming: UploadedFile,
    processing: Processing,
    *,
    encoding: str | None = None,
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
    with closing(ReaderPool.with_limits(kb.settings.ingest)) as readers:
        extraction = readers.read(staged.path, media_type, encoding)
    embedder = kb.embedder
    processed = process(
        extraction,
        processing,
        embedder.tokenizer,
        max_tokens=embedder.max_tokens,
        chunk_prefix="preview",
        document_id="preview",
        size_bytes=staged.size_bytes,
    )
    tokens = tuple(len(embedder.tokenizer.offsets(c.index_text)) for c in processed.chunks)
    return Preview(name, media_type, extraction, processed, tokens)
