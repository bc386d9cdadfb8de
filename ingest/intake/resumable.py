"""Uploads that survive a broken line: bytes are appended to a file until it is whole, and only then
it becomes a document, exactly as if it had come in one request.

Whatever stops the process, the file is whole or can be continued: a whole one that is not
yet a document becomes one at the next look or at the next start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from ingest.intake.upload import Acceptance, UploadedFile, accept, checked_name
from kb.errors import Conflict, KnowledgeBaseError, NotFound, StorageUnavailable, TooLarge
from kb.knowledge_base import KnowledgeBase
from kb.store.access import keys
from kb.store.engine.database import Transaction
from kb.store.work import uploads
from kb.store.work.uploads import PartialUpload
from kb.types import Scope

logger = logging.getLogger(__name__)


class ResumableUploads:
    """The unfinished uploads of one knowledge base; `files` hold the bytes that have come.

    Only one caller at a time may write to one.
    """

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self.files = kb.partial_files

    @property
    def max_bytes(self) -> int:
        """The largest file that may be announced: archives may be larger than documents."""
        limits = self._kb.settings.ingest
        return max(limits.max_file_bytes, limits.max_archive_bytes)

    def create(
        self,
        scope: Scope,
        dataset_id: str | None,
        name: str,
        size_bytes: int | None,
        options: Mapping[str, Any],
    ) -> PartialUpload:
        """Expect a file.

        Args:
            dataset_id: None for a part, which `join` makes a file of.
            size_bytes: None where `resize` will tell it.
            options: under "accept" what `accept` takes; the rest is given back as it is.

        Raises:
            NotFound: the dataset cannot be seen.
            Rejected: the name cannot be a document's.
            TooLarge: the file would be too large.
        """
        if size_bytes is None:
            size_bytes, options = self.max_bytes, {**options, "open_ended": True}
        self._check_size(size_bytes)
        made = self._kb.database.writing(
            uploads.create,
            scope,
            dataset_id,
            name if dataset_id is None else checked_name(name),
            size_bytes=size_bytes,
            options=options,
            expires=self._expiry(),
        )
        self.files.create(made.id)
        return made

    def join(
        self,
        scope: Scope,
        dataset_id: str,
        name: str,
        parts: Sequence[str],
        options: Mapping[str, Any],
    ) -> PartialUpload:
        """Make one file of parts, in their order; they are gone then.

        Raises:
            NotFound: the dataset or a part cannot be seen.
            Conflict: a part is not one, or has not arrived whole.
            Rejected, TooLarge, StorageFull: as `create`. All parts stay when this fails.
        """
        found = [self.get(scope, part) for part in parts]
        for part in found:
            if part.dataset_id is not None or not part.is_complete(self.offset(part)):
                raise Conflict(f"{part.id} is not a part that has arrived whole. Send the rest.")
        size_bytes = sum(part.size_bytes for part in found)
        made = self.create(scope, dataset_id, name, size_bytes, options)
        with ExitStack() as undo:
            undo.callback(self.remove, made)
            try:
                self.files.join(made.id, parts)
            except FileNotFoundError as exc:  # another request joined them meanwhile
                raise NotFound("upload", " ".join(parts)) from exc
            undo.pop_all()
        for part in found:
            self.remove(part)
        return made

    def resize(self, upload: PartialUpload, size_bytes: int) -> None:
        """Say how large an upload is that began without a size.

        Raises:
            Conflict: its size is known, and another; or more bytes are there.
            TooLarge, QuotaExceeded: the file would be too large.
        """
        self._check_size(size_bytes)
        if upload.is_open_ended and self.offset(upload) <= size_bytes:
            self._kb.database.writing(uploads.resize, upload, size_bytes)
        elif size_bytes != upload.size_bytes:
            raise Conflict(f"The size of this upload cannot become {size_bytes} bytes any more.")

    def get(self, scope: Scope, upload_id: str) -> PartialUpload:
        """One upload, also one that has expired. Raises NotFound."""
        return self._kb.database.reading(uploads.get, scope, upload_id)

    def offset(self, upload: PartialUpload) -> int:
        """How many bytes are there."""
        return upload.size_bytes if upload.batch_id else self.files.size(upload.id)

    def extend(self, upload: PartialUpload) -> float:
        """Keep an upload that goes on; returns until when, in seconds since the epoch."""
        expires = self._expiry()
        self._kb.database.writing(uploads.extend, upload.id, expires)
        return expires

    def is_ready(self, upload: PartialUpload, offset: int) -> bool:
        """Whether an upload of which `offset` bytes are there can become a document now."""
        is_new_file = upload.dataset_id is not None and upload.batch_id is None
        return is_new_file and upload.is_complete(offset)

    def finish(self, upload: PartialUpload) -> Acceptance:
        """Make a document of a whole file; if it cannot be one, the upload is gone.

        Raises:
            StorageFull, QuotaExceeded, RateLimited: the upload stays whole and can be finished
                later.
            Conflict: another request has finished it.
        """

        def note(tx: Transaction, acceptance: Acceptance) -> None:
            assert acceptance.batch_id is not None
            uploads.arrived(tx, upload.id, acceptance.batch_id, acceptance.accepted[0].id)

        assert upload.dataset_id is not None, "a part is no document"
        staged = self.files.stage(upload.id)
        if staged.size_bytes != upload.size_bytes:  # another request takes it away
            self._kb.originals.discard(staged)
            raise Conflict(f"{upload.id} is not whole any more. Ask for its state (HEAD).")
        incoming = [UploadedFile(upload.name, staged)]
        options = upload.options["accept"]
        scope = self._kb.database.reading(keys.bringer, upload.key_id)
        accepted = accept(self._kb, scope, upload.dataset_id, incoming, on_accepted=note, **options)
        if accepted.rejected:
            self.remove(upload)
        with suppress(StorageUnavailable):  # they go when the upload expires
            self.files.remove(upload.id)
        return accepted

    def remove(self, upload: PartialUpload) -> None:
        """Forget an upload and its bytes; a document that it became stays."""
        self._kb.database.writing(uploads.remove, upload.id)
        self.files.remove(upload.id)

    def sweep(self) -> None:
        """Delete what has expired, and set aside bytes that no upload owns."""
        before = set(self.files.ids())
        expired = self._kb.database.writing(uploads.remove_expired)
        known = {upload.id for upload in self._kb.database.reading(uploads.every)}
        for upload_id in expired:
            self.files.remove(upload_id)
        for upload_id in before - known - expired:
            with suppress(FileNotFoundError):  # its dataset was deleted meanwhile
                self.files.set_aside(upload_id)
                logger.warning("set aside the bytes of %s, which no upload owns", upload_id)

    def recover(self) -> None:
        """At start: finish what was whole when the process stopped, and sweep."""
        self.sweep()
        for upload in self._kb.database.reading(uploads.every):
            if self.is_ready(upload, self.offset(upload)):
                try:
                    refused = [item.detail for item in self.finish(upload).rejected]
                except KnowledgeBaseError as exc:  # it stays until it expires
                    refused = [exc.detail]
                for detail in refused:
                    logger.warning("the upload %s was not accepted: %s", upload.id, detail)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            raise TooLarge(f"The file is larger than {self.max_bytes} bytes. Split it.")

    def _expiry(self) -> float:
        return time.time() + self._kb.settings.ingest.upload_expires_s
