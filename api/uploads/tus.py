"""The words of tus 1.0.0, a protocol for uploads that go on where a broken line stopped them.

Specification: https://tus.io/protocols/resumable-upload. Authentication comes before any of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Coroutine, Mapping
from email.utils import formatdate
from typing import Any, ClassVar

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ProtocolError, problem_of, request_id_of
from api.uploads.accepting import checked_encoding
from kb.errors import KnowledgeBaseError, Rejected, UnsupportedMedia
from kb.metadata import parsed_metadata, parsed_switches
from kb.store.work.uploads import PartialUpload

VERSION = "1.0.0"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum,"
    "concatenation"
)
CONTENT_TYPE = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256", "md5")
MODES = ("skip", "replace", "version")


class WrongVersion(ProtocolError):
    """The client speaks another version of tus."""

    code = "tus_version"
    status = 412
    headers: ClassVar[Mapping[str, str]] = {"tus-version": VERSION}


class Gone(ProtocolError):
    """The upload has expired."""

    code = "upload_expired"
    status = 410


class WrongChecksum(ProtocolError):
    """The bytes are not those that the client sent."""

    code = "checksum_mismatch"
    status = 460


class WholeUpload(ProtocolError):
    """The upload was made of parts, and takes no more bytes."""

    code = "upload_is_whole"
    status = 403


class TusRoute(APIRoute):
    """Marks every answer, errors too, with the protocol's version."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint with the mark around it."""
        handle = super().get_route_handler()

        async def marked(request: Request) -> Response:
            try:
                response = await handle(request)
            except KnowledgeBaseError as exc:
                response = problem_of(exc, request_id_of(request))
            response.headers["tus-resumable"] = VERSION
            return response

        return marked


class Checksum:
    """What the bytes of one request must hash to, and the hash of those that have come."""

    def __init__(self, algorithm: str, digest: bytes) -> None:
        self._digest = digest
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def add(self, piece: bytes) -> None:
        """The next bytes."""
        self._hash.update(piece)

    def check(self) -> None:
        """Raises WrongChecksum unless the hash agrees."""
        if self._hash.digest() != self._digest:
            raise WrongChecksum("The bytes were damaged on their way; send them again.")


def check_version(request: Request) -> None:
    """Raises WrongVersion."""
    if request.headers.get("tus-resumable") != VERSION:
        raise WrongVersion(f"Send the header `Tus-Resumable: {VERSION}`.")


def check_content_type(request: Request) -> None:
    """Raises UnsupportedMedia."""
    if request.headers.get("content-type") != CONTENT_TYPE:
        raise UnsupportedMedia(f"Send the bytes as `Content-Type: {CONTENT_TYPE}`.")


def check_takes_bytes(upload: PartialUpload) -> None:
    """Raises WholeUpload."""
    if upload.options.get("concat", "").startswith("final"):
        raise WholeUpload("This upload was made of its parts. There is nothing to add.")


def length(request: Request) -> int | None:
    """How many bytes are announced; None where the client will say later. Raises Rejected."""
    if request.headers.get("upload-defer-length") == "1":
        return None
    return number(request, "upload-length")


def parts(request: Request) -> list[str]:
    """The ids of the uploads that this one is made of; none for one whose bytes will come.

    Raises:
        Rejected: `Upload-Concat` is malformed.
    """
    kind, _, places = request.headers.get("upload-concat", "partial").partition(";")
    found = [place.rstrip("/").rpartition("/")[2] for place in places.split()]
    if kind not in ("partial", "final") or (kind == "final") != bool(found):
        raise Rejected("`Upload-Concat` must be `partial`, or `final;` and the addresses of parts.")
    return found


def number(request: Request, header: str) -> int:
    """A header that is a number. Raises Rejected."""
    value = request.headers.get(header, "")
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Rejected(f"The header `{header}` must be a whole number of bytes.")
    return int(value)


def checksum(request: Request) -> Checksum | None:
    """The checksum of this request's bytes, if it names one. Raises Rejected."""
    value = request.headers.get("upload-checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Rejected(f"`Upload-Checksum`: the algorithms are {', '.join(ALGORITHMS)}.")
    return Checksum(algorithm, _decoded(encoded, "Upload-Checksum"))


def announced(request: Request) -> tuple[str | None, str, dict[str, Any]]:
    """What `Upload-Metadata` says: dataset, name, options as `ResumableUploads.create` has them.

    A part of a file needs neither dataset nor name.

    Raises:
        Rejected: it is malformed, or does not name the dataset and the file.
    """
    concat = request.headers.get("upload-concat", "")
    sent = {"sent": request.headers.get("upload-metadata", ""), "concat": concat}
    if concat == "partial":
        return None, "part", sent
    fields = _fields(sent["sent"])
    path = fields.get("relativePath")  # what Uppy calls it; "null" for a file without a folder
    name = path if path and path != "null" else fields.get("filename") or fields.get("name")
    dataset_id = fields.get("dataset_id")
    if not name or not dataset_id:
        raise Rejected("`Upload-Metadata` must hold `dataset_id` and `filename`.")
    return dataset_id, name, {"accept": _options(fields), **sent}


def described(upload: PartialUpload) -> dict[str, str]:
    """The headers that repeat what an upload was announced with."""
    told = {
        "upload-metadata": upload.options["sent"],
        "upload-concat": upload.options.get("concat"),
    }
    size = ("defer-length", "1") if upload.is_open_ended else ("length", str(upload.size_bytes))
    return {f"upload-{size[0]}": size[1], **{name: value for name, value in told.items() if value}}


def expires(upload: PartialUpload) -> dict[str, str]:
    """The header that says until when an upload is kept."""
    return {"upload-expires": formatdate(upload.expires, usegmt=True)}


def check_not_expired(upload: PartialUpload) -> None:
    """Raises Gone."""
    if upload.expires <= time.time():
        raise Gone("This upload has expired. Begin it again.")


def _options(fields: dict[str, str]) -> dict[str, Any]:
    mode = fields.get("mode", "replace")
    if mode not in MODES:
        raise Rejected(f"`mode` is one of {', '.join(MODES)}.")
    options: dict[str, Any] = {"mode": mode, "encoding": checked_encoding(fields.get("encoding"))}
    if "metadata" in fields:
        options["metadata"] = parsed_metadata(fields["metadata"])
    return options | {"switches": parsed_switches(fields)}


def _fields(header: str) -> dict[str, str]:
    fields = {}
    for pair in filter(None, header.split(",")):
        key, _, encoded = pair.strip().partition(" ")
        try:
            fields[key] = _decoded(encoded, "Upload-Metadata").decode()
        except UnicodeDecodeError as exc:
            raise Rejected(f"`Upload-Metadata`: `{key}` is not UTF-8.") from exc
    return fields


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Rejected(f"`{header}` is not valid Base64.") from exc
