"""What the pages name exists: settings, addresses, commands, codes, events, formats, rules."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import cli.asking
import client.http
import ingest.work.worker
from api.app import create_app
from api.errors import CODES
from cli.__main__ import app as command
from ingest.clean.cleaning import RULES
from ingest.sniff.media_types import SUPPORTED
from kb.errors import KnowledgeBaseError
from kb.settings import Settings, known_names
from kb.settings_reference import reference
from kb.types import Variant
from tests.docs.pages import PAGES, ROOT, fences, name_of, page, table_after, text_of

SETTING = re.compile(r"\bKB_[A-Z_]+\b")
ADDRESS = re.compile(r"/v1/[\w{}…./<>-]*")
CODE = re.compile(r"`([a-z_]+)`")
EVENTS = {
    "run.started", "route", "retrieval", "delta", "citation",
    "run.completed", "run.failed", "run.cancelled",
}  # fmt: skip

LOADED = (ingest.work.worker, cli.asking, client.http)
"""Modules with errors of their own, imported so that `__subclasses__` knows them."""


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_setting_that_is_named_exists(path: Path):
    named = {name for name in SETTING.findall(text_of(path)) if not name.endswith("_")}
    assert named <= known_names()


def test_the_settings_page_is_current():
    assert page("docs/settings.md") == reference(), "run: make openapi"


@pytest.fixture(scope="module")
def addresses() -> list[re.Pattern[str]]:
    """One pattern per endpoint: a parameter stands for anything, a long one for slashes too."""
    paths = create_app(Settings()).openapi()["paths"]
    return [re.compile(_any_value(path) + r"/?") for path in paths]


def _any_value(path: str) -> str:
    pattern = re.sub(r"\{name\}", ".+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))
    return re.sub(r"\{\w+\}", "[^/]+", pattern)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_address_that_is_named_exists(path: Path, addresses: list[re.Pattern[str]]):
    named = {found.rstrip(".") for found in ADDRESS.findall(text_of(path))} - {"/v1/"}
    assert [a for a in sorted(named) if not any(one.fullmatch(a) for one in addresses)] == []


def _commands() -> set[str]:
    root = get_command(command)
    assert isinstance(root, typer.core.TyperGroup)
    names: set[str] = set()
    for name, found in root.commands.items():
        names.add(name)
        if isinstance(found, typer.core.TyperGroup):
            names |= {f"{name} {inner}" for inner in found.commands}
    return names


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=name_of)
def test_every_command_that_is_named_exists(path: Path):
    known = _commands()
    groups = {name.split()[0] for name in known if " " in name}
    written = re.findall(r"`(?:[^`\n]*[ /])?kb ([a-z][^`\n]*)`", text_of(path))
    for block in fences(text_of(path), "sh"):
        written += re.findall(r"^(?:.*/)?(?:docker exec kb )?kb ([a-z][^\n]*)", block, re.MULTILINE)
    for words in (line.split() for line in written):
        name = " ".join(words[:2]) if words[0] in groups and len(words) > 1 else words[0]
        assert name in known | groups, f"kb {' '.join(words)}"


def test_the_command_page_explains_every_command():
    text = page("docs/using/commands.md")
    assert [name for name in sorted(_commands()) if f"kb {name}" not in text] == []


def test_the_table_of_codes_holds_every_code_and_no_other():
    shipped = {
        error.code
        for error in _families(KnowledgeBaseError)
        if error.__module__.split(".")[0] in ("kb", "ingest", "api", "client", "cli")
    }
    documented = _codes("## Which error codes does the API return?") | _codes(
        "## Why did a document fail?"
    )
    assert documented == shipped | set(CODES.values()) | _reasons() | {"cancelled"}


def _families(family: type[KnowledgeBaseError]) -> list[type[KnowledgeBaseError]]:
    return [family, *(f for inner in family.__subclasses__() for f in _families(inner))]


def _codes(heading: str) -> set[str]:
    rows = table_after(page("docs/using/troubleshooting.md"), heading)
    return {cell for row in rows for cell in CODE.findall(row[0])}


def _reasons() -> set[str]:
    """The words that readers give as `reason=`."""
    found: set[str] = set()
    for path in (*(ROOT / "ingest").rglob("*.py"), *(ROOT / "kb").rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.keyword) and node.arg == "reason":
                found |= {
                    leaf.value
                    for leaf in ast.walk(node.value)
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
    return found


def test_every_event_is_shown_with_an_example():
    text = page("docs/using/asking.md")
    for name in EVENTS:
        section = text.partition(f"## What does the event {name} say?")[2].partition("\n## ")[0]
        assert list(fences(section, "json")), name


def test_every_example_in_json_is_valid():
    for path in PAGES:
        for block in fences(text_of(path), "json"):
            json.loads(block)


def test_the_formats_are_those_that_an_upload_is_told():
    flowing = " ".join(page("docs/using/documents.md").split())
    assert f"Files that are read: {SUPPORTED}." in flowing


def test_every_cleaning_rule_is_explained():
    text = page("docs/using/documents.md")
    assert [rule for rule in RULES if f"`{rule}`" not in text] == []


def test_the_table_of_a_draft_names_the_fields_of_a_variant():
    text = page("docs/using/apps.md")
    assert [field for field in Variant.__dataclass_fields__ if f"`{field}`" not in text] == []
