"""Unfinished uploads as objects: one for each piece, named by its offset, put only where none is.

So any process can go on with an upload, two that do at once cannot both write at one offset, and
what lies in the bucket is all that is known of it. An S3 multipart upload could not do that: its
parts must have 5 MiB, and the id of the upload would be a second truth beside its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kb.errors import Conflict
from kb.files.originals import Staged
from kb.files.s3.bucket import Bucket
from kb.files.s3.originals import BucketOriginals

UPLOADS = "uploads"


class BucketPartialFiles:
    """The objects `uploads/ID/OFFSET`."""

    def __init__(self, bucket: Bucket, originals: BucketOriginals) -> None:
        self._bucket = bucket
        self._originals = originals

    def create(self, upload_id: str) -> None:
        """The first piece makes it."""

    def size(self, upload_id: str) -> int:
        """The bytes that are there without a gap."""
        return sum(size for _, size in self._chain(upload_id))

    def append(self, upload_id: str, data: bytes, *, at: int) -> None:
        """Put a piece. Raises Conflict."""
        if data and not self._bucket.put(_key(upload_id, at), data):
            raise Conflict(
                "Other bytes have come for this place meanwhile. Ask for the offset (HEAD), and go "
                "on there."
            )

    def join(self, upload_id: str, parts: Sequence[str]) -> None:
        """Copy the pieces of other uploads, inside the bucket."""
        at = 0
        for part in parts:
            if not (pieces := list(self._chain(part))):
                raise FileNotFoundError(part)
            for start, size in pieces:
                self._bucket.copy(_key(part, start), _key(upload_id, at))
                at += size

    def cut(self, upload_id: str, size: int) -> None:
        """Delete the pieces from an offset on."""
        self._bucket.delete(
            f"{_folder(upload_id)}/{each.name}"
            for each in self._bucket.objects(_folder(upload_id))
            if int(each.name) >= size
        )

    def stage(self, upload_id: str) -> Staged:
        """Fetch all pieces."""
        pieces = (
            piece
            for start, _ in self._chain(upload_id)
            for piece in self._bucket.pieces(_key(upload_id, start))
        )
        return self._originals.stage(pieces, max_bytes=self.size(upload_id))

    def remove(self, upload_id: str) -> None:
        """Delete all pieces."""
        self.cut(upload_id, 0)

    def ids(self) -> Iterator[str]:
        """The uploads of which there are pieces."""
        found = (each.name.partition("/")[0] for each in self._bucket.objects(UPLOADS))
        return iter(sorted(set(found)))

    def set_aside(self, upload_id: str) -> None:
        """Delete all pieces: no row can say what they were to become."""
        self.remove(upload_id)

    def _chain(self, upload_id: str) -> Iterator[tuple[int, int]]:
        """(offset, size) of the pieces that follow each other from the first on."""
        at = 0
        for each in self._bucket.objects(_folder(upload_id)):
            if int(each.name) == at:
                yield at, each.size
                at += each.size


def _folder(upload_id: str) -> str:
    return f"{UPLOADS}/{upload_id}"


def _key(upload_id: str, offset: int) -> str:
    return f"{_folder(upload_id)}/{offset:015d}"
