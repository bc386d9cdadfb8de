"""Installs a lock file's packages into this environment and shows how far it is.

    .venv/bin/python install.py requirements.lock --no-deps

What follows the file goes to pip. The file's first line says how much disk its packages take.
Standard library only: nothing else is there yet.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

POLL_S = 0.5
LOG_LINE_S = 15
"""Seconds between two lines where no terminal can overwrite one."""


def main(lock: str, *options: str) -> int:
    """Install what is missing. Returns pip's exit status."""
    missing = pins(Path(lock)) - {pinned(d.name, d.version) for d in distributions()}
    size = re.search(r"[Aa]bout.*", Path(lock).read_text().partition("\n")[0])
    if not missing:
        return 0
    print(f"Installing {len(missing)} packages of {lock}: {size[0] if size else ''}", flush=True)
    pip = [sys.executable, "-u", "-m", "pip", "--disable-pip-version-check", "install"]
    with tempfile.NamedTemporaryFile(prefix="pip-", suffix=".log") as log:
        command = [*pip, "--progress-bar=off", "--requirement", lock, *options]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        watch(process, Path(log.name), len(missing))
        if process.returncode:
            print(*Path(log.name).read_text().splitlines()[-20:], sep="\n", file=sys.stderr)
    return process.returncode


def pins(lock: Path) -> set[str]:
    """Every `name==version` of a lock file and of those that it names with -r."""
    found = set()
    for line in lock.read_text().splitlines():
        if line.startswith("-r "):
            found |= pins(lock.parent / line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            found.add(pinned(*line.split("==")))
    return found


def pinned(name: str, version: str) -> str:
    """A pin that compares: names in one spelling, versions without the build that follows a +."""
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version.partition('+')[0]}"


def watch(process: subprocess.Popen[bytes], log: Path, total: int) -> None:
    """Show how many packages are there until the process ends."""
    site = Path(sysconfig.get_path("purelib"))
    before, began, shown = len(list(site.glob("*.dist-info"))), time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(POLL_S)
        now = time.monotonic() - began
        if sys.stdout.isatty() or now - shown >= LOG_LINE_S:
            shown = now
            fetched = len(re.findall("^(?:Collecting|Processing) ", log.read_text(), re.MULTILINE))
            there = len(list(site.glob("*.dist-info"))) - before
            start, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
            text = f"  fetched {fetched}, installed {there} of {total} after {now:.0f} s"
            print(f"{start}{text}", end=end, flush=True)
    print("\n" if sys.stdout.isatty() else "", end="")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
