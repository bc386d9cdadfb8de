"""Which document a zip archive or an Office container is, by what its first bytes hold; or whether
it is an archive of documents.

The central directory stands at the end of a file and only its beginning is at hand here, so an
answer may rest on the extension; the reader confirms it by the main part.
"""

from __future__ import annotations

import re
import zlib
from pathlib import PurePosixPath

from kb.errors import UnreadableFile, UnsupportedMedia

_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = f"{_OFFICE}.wordprocessingml.document"
PPTX = f"{_OFFICE}.presentationml.presentation"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
ODP = "application/vnd.oasis.opendocument.presentation"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
EPUB = "application/epub+zip"
RTF = "application/rtf"

_BY_EXTENSION = {
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), DOCX),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), PPTX),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), XLSX),
    ".xlsb": XLSB,
    **dict.fromkeys((".odt", ".ott"), ODT),
    **dict.fromkeys((".odp", ".otp"), ODP),
    **dict.fromkeys((".ods", ".ots"), ODS),
    ".epub": EPUB,
}
_MAIN_TYPES = (  # of the main part, in [Content_Types].xml; macros and templates included
    (b"sheet.binary", XLSB),
    (b"wordprocessingml.document.main", DOCX),
    (b"wordprocessingml.template.main", DOCX),
    (b"ms-word.", DOCX),
    (b"presentationml.presentation.main", PPTX),
    (b"presentationml.slideshow.main", PPTX),
    (b"presentationml.template.main", PPTX),
    (b"ms-powerpoint.", PPTX),
    (b"spreadsheetml.sheet.main", XLSX),
    (b"spreadsheetml.template.main", XLSX),
    (b"ms-excel.sheet.macro", XLSX),
    (b"ms-excel.template.macro", XLSX),
)
_FOLDERS = ((b"word/", DOCX), (b"ppt/", PPTX), (b"xl/", XLSX))
_LOCAL_HEADER = re.compile(rb"PK\x03\x04.{4}(..).{16}(..)(..)", re.DOTALL)
_LONGEST_TYPES = 256 * 1024

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_WORKBOOK_STREAM = "Workbook\0".encode("utf-16-le")
_OLD = {".doc": ".docx", ".dot": ".docx", ".ppt": ".pptx", ".pps": ".pptx"}


def package_type(head: bytes, name: str) -> str | None:
    """The media type of an office document or book; None for bytes that are neither.

    Args:
        head: the first `HEAD_BYTES` bytes of the file.
        name: its name; its extension decides where the bytes do not.

    Raises:
        UnreadableFile: it is protected with a password (reason `password_required`).
        UnsupportedMedia: an old Office format; the sentence says what to save it as.
    """
    extension = PurePosixPath(name).suffix.lower()
    if head.startswith(b"{\\rtf"):
        return RTF
    if head.startswith(_OLE) and (extension in (".xls", ".xlt") or _WORKBOOK_STREAM in head):
        return XLS
    if head.startswith(_OLE):
        _refuse_container(head, name, extension)
    if not head.startswith(b"PK\x03\x04"):
        return None
    return _by_first_files(head) or _BY_EXTENSION.get(extension)


def _by_first_files(head: bytes) -> str | None:
    folders = None
    for match in _LOCAL_HEADER.finditer(head):
        method, name_size, extra_size = (int.from_bytes(part, "little") for part in match.groups())
        file = head[match.end() : match.end() + name_size]
        body = head[match.end() + name_size + extra_size :]
        if file == b"mimetype" and match.start() == 0:
            known = (EPUB, ODT, ODP, ODS)
            return next((kind for kind in known if body.startswith(kind.encode())), None)
        if file == b"[Content_Types].xml":
            types = body if method == 0 else _inflated(body)
            return next((kind for word, kind in _MAIN_TYPES if word in types), None)
        folders = folders or next((kind for path, kind in _FOLDERS if file.startswith(path)), None)
    return folders


def _inflated(body: bytes) -> bytes:
    """As much of a packed file as there is; the head may cut it off."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, _LONGEST_TYPES)
    except zlib.error:
        return b""


def _refuse_container(head: bytes, name: str, extension: str) -> None:
    if _ENCRYPTED_STREAM in head or extension in _BY_EXTENSION:
        raise UnreadableFile(
            f"{name!r} is protected with a password. Save a copy without one and upload that.",
            reason="password_required",
        )
    better = _OLD.get(extension, ".docx or .pptx")
    raise UnsupportedMedia(
        f"{name!r} is an old Office document (.doc or .ppt). Save it as {better} and upload that."
    )


_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_SIGNS_OF_PACKAGES = (b"[Content_Types].xml", b"mimetypeapplication/")
_PROGRAMS = (".jar", ".war", ".apk", ".whl", ".xpi", ".crx", ".egg")


def is_archive(head: bytes, name: str) -> bool:
    """Whether a file is a zip archive that is to be expanded.

    Args:
        head: its first `HEAD_BYTES` bytes.
        name: its name, for the extension only.

    Raises:
        UnsupportedMedia: it is an old Office document.
    """
    if not head.startswith(_ZIP_STARTS):
        return False
    extension = PurePosixPath(name).suffix.lower()
    if extension in _PROGRAMS:
        return False
    if extension == ".zip" and not any(sign in head for sign in _SIGNS_OF_PACKAGES):
        return True  # a folder `word` in an archive makes no Word document
    return package_type(head, name) is None
