"""What sends traces is an extra: asked for without it, the server says so; not asked for, it is not
imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kb.errors import Rejected
from kb.telemetry.sending import sent
from tests.server import ROOT

SENDERS = "('opentelemetry.sdk', 'opentelemetry.exporter')"


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(Rejected, match="make otel"), sent():
        pass


def test_a_server_that_sends_no_traces_imports_nothing_that_does():
    shown = f"import sys, api.app; print([m for m in sys.modules if m.startswith({SENDERS})])"

    ran = subprocess.run(
        [sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n"
