"""Crashes and errors at chosen system calls, and the order of calls behind an acknowledgement."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.crash.points import counted, failing, try_point
from tests.server import ROOT, environment

KILLS, ERRORS = 10, 4
SENDING = ("sendto", "sendmsg", "write", "writev")
CALLS = ",".join(("fsync", "fdatasync", "rename", *SENDING))
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*)")


@pytest.mark.needs("strace")
@pytest.mark.slow
def test_a_crash_or_an_error_at_any_disk_call_loses_and_doubles_nothing(tmp_path: Path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    points, calls = counted(tmp_path)
    assert len(points) > calls / 3  # most calls are made in the one thread that counts them
    rng = random.Random(seed)
    rare = [point for point in points if point.call != "pwrite64"]
    chosen = rng.sample(rare, KILLS // 2) + rng.sample(points, KILLS - KILLS // 2)
    for point in [*chosen, *rng.sample(failing(points), ERRORS)]:
        outcome = try_point(tmp_path, point)
        print(point, outcome.acknowledged, *outcome.refused.values())


def ended(log: Path) -> Iterator[tuple[str, str]]:
    """(call, arguments) in the order in which they returned; what is sent, when it was begun."""
    waiting: dict[str, str] = {}
    for line in log.read_text(errors="replace").splitlines():
        if found := _RESUMED.match(line):
            if found[2] not in SENDING:
                yield found[2], waiting.pop(found[1], "")
        elif found := _BEGUN.match(line):
            if found[2] in SENDING or "<unfinished" not in line:
                yield "send" if found[2] in SENDING else found[2], found[3]
            else:
                waiting[found[1]] = found[3]


@pytest.mark.needs("strace")
@pytest.mark.slow
def test_an_upload_is_acknowledged_only_after_file_folder_and_rows_are_on_disk(tmp_path: Path):
    data, log = tmp_path / "data", tmp_path / "strace.log"
    strace = ["strace", "-f", "-qq", "-y", "-s", "40", "-e", f"trace={CALLS}", "-o", str(log)]
    server = subprocess.Popen(
        [*strace, sys.executable, "-m", "cli", "serve", "--port", "0"],
        env=environment(data),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        key = (data / "admin.key").read_text().strip()
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}) as http:
            dataset_id = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
            before = len(list(ended(log)))
            answer = http.post(
                f"/v1/datasets/{dataset_id}/documents", files=[("files", ("a.txt", "on disk"))]
            )
            assert answer.status_code == 202
            sha256 = answer.json()["accepted"][0]["sha256"]
        wait_until_logged(log, " 202 ")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    calls = list(ended(log))[before:]
    acknowledged = place(calls, 0, "send", "HTTP/1.1 202")
    written = place(calls, 0, "fsync", "/staging/")
    named = place(calls, written + 1, "rename", f"/{sha256}")
    in_folder = place(calls, named + 1, "fsync", f"originals/{sha256[:2]}>")
    rows = place(calls, in_folder + 1, "fdatasync", "kb.db-wal")
    assert written < named < in_folder < rows < acknowledged, calls


def place(calls: list[tuple[str, str]], start: int, name: str, detail: str) -> int:
    """Where the first such call from a place on is; behind all if there is none."""
    for number in range(start, len(calls)):
        call, arguments = calls[number]
        if call == name and detail in arguments:
            return number
    return len(calls)


def wait_until_logged(log: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text(errors="replace"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
