"""`kb preview` and `kb receipt`, against a server and on a recorded terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import previewing, receipts
from cli.__main__ import app
from client.errors import DatasetNotFound
from client.http import Client
from kb.errors import Rejected
from tests.api.serving import Served, serving

SOURCE = "# Refunds\n\nSee https://e.com/a for the   form [bold].\n\n# Terms\n\nSeven days.\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


@pytest.fixture
def client(served: Served):
    opened = Client(served.url, served.kb.access.admin_key)
    yield opened
    opened.close()


def _shown(print_to) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system="truecolor")
    print_to(console)
    return console.file.getvalue()


def test_a_preview_strikes_out_what_goes_and_marks_where_chunks_begin(client, tmp_path: Path):
    file = tmp_path / "a.md"
    file.write_text(SOURCE, encoding="utf-8")

    found = previewing.preview(client, file, dataset=None, processing='{"clean": {"urls": true}}')
    shown = _shown(lambda console: previewing.show_preview(found, console))

    struck = [line for line in shown.split("\x1b[") if line.startswith("9;")]
    assert any("https://e.com/a" in part for part in struck)
    assert "chunk 0 · page 1" in shown
    assert "chunk 1 · page 1" in shown
    assert "[bold]" in shown
    assert "by urls" in shown


def test_what_is_removed_between_chunks_is_shown_too(client, tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("one ### two", encoding="utf-8")
    processing = '{"split": {"mode": "separator", "separator": "###", "merge": false}}'

    found = previewing.preview(client, file, dataset=None, processing=processing)
    lines = _shown(lambda console: previewing.show_preview(found, console)).split("\n")

    at = [next(n for n, line in enumerate(lines) if word in line) for word in ("one", "###", "two")]
    assert at == sorted(at)


def test_a_preview_uses_the_processing_of_a_dataset(client, served, tmp_path: Path):
    split = {"mode": "separator", "separator": "|", "merge": False}
    served.post("/v1/datasets", {"name": "barred", "processing": {"split": split}})
    file = tmp_path / "a.txt"
    file.write_text("one | two | three", encoding="utf-8")

    found = previewing.preview(client, file, dataset="barred", processing=None)

    assert found["chunk_count"] == 3
    with pytest.raises(DatasetNotFound, match="no dataset 'none'"):
        previewing.preview(client, file, dataset="none", processing=None)
    with pytest.raises(Rejected, match="no file"):
        previewing.preview(client, tmp_path / "none", dataset=None, processing=None)


def test_a_receipt_is_shown_so_that_it_can_be_added_up(client, served):
    dataset_id = served.new_dataset("receipts")
    ids = served.upload(dataset_id, {"a.md": SOURCE})

    found = receipts.receipt(client, ids["a.md"])
    shown = _shown(lambda console: receipts.show_receipt(found["receipt"], console, "a.md"))

    assert f"{len(SOURCE)}" in shown
    for word in ("= kept", "+ removed", "by extra_spaces", "+ blank", "+ lost", "vectors", "utf-8"):
        assert word in shown


def test_the_commands_open_the_folder_themselves(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("KB_DATA_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("KB_EMBEDDING__MODEL", "hash")
    file = tmp_path / "a.md"
    file.write_text(SOURCE, encoding="utf-8")

    made = CliRunner().invoke(app, ["ingest", str(file), "--dataset", "d"])
    done = CliRunner().invoke(app, ["preview", str(file)])
    missing = CliRunner().invoke(app, ["receipt", "doc_none"])

    assert made.exit_code == 0, made.output
    assert done.exit_code == 0, done.output
    assert "Seven days." in done.output
    assert missing.exit_code == 1
