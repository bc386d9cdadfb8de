"""Processes whose clock is wrong, by `faketime`."""

from __future__ import annotations

import subprocess


def wrong_clock(**said: str) -> dict[str, str]:
    """Environment variables of a process whose clock is as libfaketime's own variables say; what it
    measures by the monotonic clock stays right."""
    command = ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"LD_PRELOAD": library.strip(), "FAKETIME_DONT_FAKE_MONOTONIC": "1", **said}
