"""`kb preview`: what cleaning takes out, struck through, and where each chunk begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.style import Style
from rich.text import Text

from cli.receipts import show_receipt
from client.http import Client
from kb.errors import Rejected

COLOURS = ("red", "magenta", "yellow", "bright_red", "bright_magenta", "bright_yellow", "cyan")
"""A rule's colour is the one at its place among the rules of the document."""


def preview(
    client: Client, path: Path, *, dataset: str | None, processing: str | None
) -> dict[str, Any]:
    """Ask the server for a preview of a file.

    Raises:
        Rejected: there is no such file.
        DatasetNotFound: there is no such dataset.
    """
    if not path.is_file():
        raise Rejected(f"There is no file {str(path)!r}. Name a file to preview.")
    target = "/v1/preview"
    if dataset is not None:
        target = f"/v1/datasets/{client.dataset(dataset)['id']}/preview"
    return client.preview(target, path, processing)


def show_preview(found: dict[str, Any], console: Console) -> None:
    """Print a preview: removed text struck through in its rule's colour, chunks between rules."""
    rules = sorted({item["rule"] for item in found["removed"]})
    styles = {
        rule: Style(color=COLOURS[number % len(COLOURS)], strike=True)
        for number, rule in enumerate(rules)
    }
    for part in _parts(found["chunks"], found["removed"], styles):
        console.print(part)
    hidden = found["chunk_count"] - len(found["chunks"])
    console.print(Rule(f"and {hidden} more chunks" if hidden else "end", style="dim"))
    if rules:
        console.print(Text("Taken out by: ").append_text(_legend(rules, styles)))
    if found["error"] is not None:
        console.print(Text(f"This file would fail: {found['error']['detail']}", style="bold red"))
    show_receipt(found["receipt"], console)


def _parts(
    chunks: Sequence[dict[str, Any]], removed: Sequence[dict[str, Any]], styles: dict[str, Style]
) -> Iterator[Text | Rule]:
    """Chunks, and what was removed between them, in reading order."""
    places = [(span["page"], span["start"], span["end"]) for c in chunks for span in c["spans"]]
    loose = [item for item in removed if not _is_within(item, places)]
    pieces = [(item["page"], item["start"], 0, item) for item in loose]
    pieces += [(chunk["page"], chunk["start"], 1, chunk) for chunk in chunks]
    for _, _, is_chunk, item in sorted(pieces, key=lambda piece: piece[:3]):
        if is_chunk:
            yield Rule(Text(_title(item)), align="left", style="green")
            yield _coloured(item, removed, styles)
        else:
            yield Text(item["text"].strip("\n"), style=styles[item["rule"]])


def _title(chunk: dict[str, Any]) -> str:
    heading = f" · {chunk['heading']}" if chunk["heading"] else ""
    parent = " · returns its parent" if chunk["parent"] else ""
    place = f"chunk {chunk['index']} · page {chunk['page']} · {chunk['tokens']} tokens"
    return f"{place}{heading}{parent}"


def _coloured(
    chunk: dict[str, Any], removed: Sequence[dict[str, Any]], styles: dict[str, Style]
) -> Text:
    text = Text(chunk["text"])
    offset = 0
    for span in chunk["spans"]:
        for item in removed:
            if item["page"] == span["page"] and item["start"] < span["end"] > span["start"]:
                start = max(item["start"], span["start"]) - span["start"] + offset
                end = min(item["end"], span["end"]) - span["start"] + offset
                if end > start:
                    text.stylize(styles[item["rule"]], start, end)
        offset += span["end"] - span["start"]
    return text


def _is_within(item: dict[str, Any], places: Sequence[tuple[int, int, int]]) -> bool:
    return any(
        page == item["page"] and start < item["end"] and item["start"] < end
        for page, start, end in places
    )


def _legend(rules: Sequence[str], styles: dict[str, Style]) -> Text:
    return Text(", ").join(Text(rule, style=styles[rule]) for rule in rules)
