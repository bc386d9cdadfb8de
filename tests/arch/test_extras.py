"""A server of one folder needs nothing of what is an extra."""

from __future__ import annotations

import subprocess
import sys

EXTRAS = ("obstore", "psycopg", "ray", "torch", "opentelemetry.sdk")


def test_a_server_starts_without_the_libraries_of_extras():
    absent = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{absent}; import api.server, cli.__main__, kb.opening.opening"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
