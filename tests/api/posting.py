"""Files posted as a form, one that nobody can read, and what is left of them on disk."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.api.serving import Served

PROGRAM = b"\x7fELF\x02\x01\x01\x00"


def post(
    served: Served, dataset_id: str, *parts: tuple[str, bytes], **query: str
) -> httpx.Response:
    files = [("any field", part) for part in parts]
    return served.http.post(f"/v1/datasets/{dataset_id}/documents", files=files, params=query)


def staged_files(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "originals" / "staging").rglob("*") if path.is_file()]
