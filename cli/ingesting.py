"""`kb ingest`: collect files, send them in small requests, wait for them, name every failure."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.connecting import connected
from cli.documents import IsOn, LabelNames, Metadata, ValidFrom, ValidUntil, given
from cli.printing import AsJson, show
from kb.errors import Rejected
from kb.iteration import batched

if TYPE_CHECKING:
    from client.http import Client

POLL_S = 0.3


@dataclass(slots=True)
class IngestOutcome:
    """What became of the files of one command."""

    ready: int = 0
    unchanged: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, zips.", metavar="PATH...")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset; made if it is missing.")],
    metadata: Metadata = None,
    labels: LabelNames = None,
    valid_from: ValidFrom = None,
    valid_until: ValidUntil = None,
    is_on: IsOn = None,
    as_json: AsJson = False,
) -> None:
    """Upload files, folders and zips into a dataset and wait until they are searchable."""
    began = time.monotonic()
    options = given(metadata, labels, valid_from, valid_until, is_on)
    found = files_under(paths)
    with connected(makes_folder=True) as client:
        dataset_id = client.dataset_or_new(dataset)["id"]
        # With options all are sent: the same bytes may come with other labels.
        files = found if options else changed_files(client, dataset_id, found)
        outcome = IngestOutcome(unchanged=len(found) - len(files))
        if files:
            quiet = as_json or not sys.stderr.isatty()
            _send(client, dataset_id, files, outcome, options=options, quiet=quiet)
    same = f", {outcome.unchanged} unchanged" if outcome.unchanged else ""
    line = f"{outcome.ready} ready{same}, {len(outcome.failed)} failed"
    summary = {**asdict(outcome), "seconds": round(time.monotonic() - began, 2)}
    show(summary, [line], as_json=as_json)
    for item in () if as_json else outcome.failed:
        typer.echo(f"  {item['name']}: {item['detail']} ({item['code']})", err=True)
    if outcome.failed:
        raise typer.Exit(1)


def files_under(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(document name, path) of every file: names are relative to the folder that was given.

    Raises:
        Rejected: a path does not exist, there is no file at all, or two would get one name.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            found += sorted(_inside(path))
        elif path.is_file():
            found.append((path.name, path))
        else:
            raise Rejected(f"There is no file or folder {str(path)!r}.")
    if not found:
        raise Rejected(
            "There are no files in what was given. Name a file, or a folder that holds some."
        )
    return _named(found)


def changed_files(
    client: Client, dataset_id: str, files: Sequence[tuple[str, Path]]
) -> list[tuple[str, Path]]:
    """Those of the (name, path) pairs that are not ready in the dataset with the same bytes.

    A file that cannot be read counts as changed: sending it says why.
    """
    held = {
        document["name"]: document["sha256"]
        for document in client.every(f"/v1/datasets/{dataset_id}/documents", status="ready")
    }
    return [(name, path) for name, path in files if held.get(name) != _sha256(name, path, held)]


def _sha256(name: str, path: Path, held: dict[str, str]) -> str | None:
    if name not in held:
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _send(
    client: Client,
    dataset_id: str,
    files: Sequence[tuple[str, Path]],
    outcome: IngestOutcome,
    *,
    options: dict[str, str],
    quiet: bool,
) -> None:
    from cli.following import Following, bar  # a tenth of a command that has nothing to send

    following = Following(client)
    with bar(following, files=len(files), quiet=quiet) as update:
        left = len(files)
        for request in _requests(files, outcome):
            accepted = client.upload(dataset_id, request, **options)
            outcome.failed += accepted["rejected"]
            if accepted["batch_id"]:
                outcome.batches.append(accepted["batch_id"])
                taken = accepted["accepted"]
                size_bytes = sum(item["size_bytes"] for item in taken)
                following.add(accepted["batch_id"], len(taken), size_bytes)
            left -= len(request)
            update(left)
        while not following.is_done:
            time.sleep(POLL_S)
            update(0)
    outcome.ready = following.ready
    outcome.failed += following.failed


def _inside(root: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of the files of a folder; what is hidden is not even looked into."""
    for folder, folders, files in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in files if not name.startswith(".")):
            if path.is_file():
                yield path.relative_to(root).as_posix(), path


def _refuse(error: OSError) -> NoReturn:
    raise Rejected(f"The folder {error.filename!r} cannot be read: {error.strerror}.")


def _named(found: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """With names that can be sent: a file system also takes bytes that are not text."""
    named: dict[str, Path] = {}
    for name, path in found:
        name = os.fsencode(name).decode("utf-8", "replace")
        other = named.setdefault(name, path)
        if other is not path:
            raise Rejected(
                f"{str(other)!r} and {str(path)!r} would both be the document {name!r}, and one "
                f"would replace the other. Give a folder that holds both, or two commands."
            )
    return list(named.items())


def _requests(
    files: Sequence[tuple[str, Path]], outcome: IngestOutcome
) -> Iterator[list[tuple[str, Path]]]:
    from client.http import UPLOAD_BYTES, UPLOAD_FILES

    for part in batched(files, UPLOAD_FILES):
        request: list[tuple[str, Path]] = []
        size = 0
        for name, path in part:
            try:
                length = _readable_bytes(path)
            except OSError as exc:
                reason = f"The file cannot be read: {exc.strerror}."
                refused = {"name": name, "code": "unreadable_file", "detail": reason}
                outcome.failed.append(refused)
                continue
            if request and size + length > UPLOAD_BYTES:
                yield request
                request, size = [], 0
            request.append((name, path))
            size += length
        if request:
            yield request


def _readable_bytes(path: Path) -> int:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size
