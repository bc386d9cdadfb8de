"""Whether a file is an archive of documents, or a document that happens to be packed as a zip."""

from __future__ import annotations

from pathlib import PurePosixPath

from ingest.sniff.package_types import package_type

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_SIGNS_OF_PACKAGES = (b"[Content_Types].xml", b"mimetypeapplication/")
_PROGRAMS = (".jar", ".war", ".apk", ".whl", ".xpi", ".crx", ".egg")


def is_archive(head: bytes, name: str) -> bool:
    """Whether a file is a zip archive that is to be expanded.

    Args:
        head: its first `HEAD_BYTES` bytes.
        name: its name, for the extension only.

    Raises:
        UnsupportedMedia: it is a binary Office document.
    """
    if not head.startswith(_ZIP_STARTS):
        return False
    extension = PurePosixPath(name).suffix.lower()
    if extension in _PROGRAMS:
        return False
    if extension == ".zip" and not any(sign in head for sign in _SIGNS_OF_PACKAGES):
        return True  # a folder `word` in an archive makes no Word document
    return package_type(head, name) is None
