"""What has been made so far, in a file: a run that was cut goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Journal:
    """Records of JSON, one a line; a last line that was cut is dropped.

    Attributes:
        records: all of them, oldest first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        self.records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        path.write_bytes(b"".join(line + b"\n" for line in lines))

    def add(self, record: dict[str, Any]) -> None:
        """Keep one more."""
        self.records.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def remove(self) -> None:
        """Forget the file: everything is somewhere else now."""
        self._path.unlink()
