"""Which files a dataset already holds, so that they are not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from client.http import Client


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
