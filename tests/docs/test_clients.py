"""The table of clients names the versions that the tests install."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.docs.pages import ROOT, page, table_after


def installed() -> set[tuple[str, str]]:
    """(package, version) of every environment of `tests/dialects`, and of the tests' own."""
    found: set[tuple[str, str]] = set()
    for lock in [*ROOT.glob("tests/dialects/*/python/*/requirements.lock"), *ROOT.glob("*.lock")]:
        found.update(re.findall(r"^([\w.-]+)==(\S+)$", lock.read_text(), re.MULTILINE))
    for package in ROOT.glob("tests/dialects/*/node/package.json"):
        for name, version in _named(package).items():
            alias, _, exact = version.removeprefix("npm:").rpartition("@")
            found.add((alias or name, exact))
    return found


def _named(package: Path) -> dict[str, str]:
    said = json.loads(package.read_text())
    return {**said.get("dependencies", {}), **said.get("devDependencies", {})}


def test_every_client_of_the_table_is_installed_in_its_version():
    rows = table_after(page("docs/using/clients.md"), "lock files.\n")
    clients = {(re.sub(r"`| \(.*\)", "", name), version) for name, version, *_ in rows}
    assert len(clients) > 20
    assert clients - installed() == set()
