"""`kb receipt`: what became of every character of a document, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from client.http import Client
from kb.errors import Rejected


def receipt(client: Client, document_id: str) -> dict[str, Any]:
    """A document with its receipt.

    Raises:
        Rejected: it has none yet, or it failed.
    """
    found: dict[str, Any] = client.get(f"/v1/documents/{document_id}")
    if found["receipt"] is None:
        reason = found["error"]["detail"] if found["error"] else "It is not indexed yet."
        raise Rejected(f"Document {found['name']!r} has no receipt. {reason}")
    return found


def show_receipt(value: dict[str, Any], console: Console, name: str = "Receipt") -> None:
    """Print a receipt; the sums stand so that they can be added up by eye."""
    table = Table(title=name, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column()
    for row in (*_sums(value), *_facts(value)):
        table.add_row(*row)
    console.print(table)


def _sums(value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    sums = value["balance"]
    yield "bytes", f"{value['bytes']:,}", ""
    yield "characters", f"{sums['characters']:,}", f"on {value['pages']} pages"
    again = f"{sums['overlap']:,} of them in more than one chunk" if sums["overlap"] else ""
    yield "= kept", f"{sums['kept']:,}", again
    for rule, count in value["removed"].items():
        yield "+ removed", f"{count:,}", f"by {rule}"
    yield "+ blank", f"{sums['blank']:,}", "white space between chunks"
    yield "+ lost", f"{sums['lost']:,}", ""


def _facts(value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    empty = value["pages_without_text"]
    yield "pages without text", str(len(empty)), ", ".join(map(str, empty[:20]))
    yield "chunks", f"{value['chunks']:,}", f"{value['truncated']} of them cut"
    if "vectors" in value:
        yield "vectors", f"{value['vectors']:,}", ""
    yield "replaced characters", f"{value['replaced']:,}", ""
    if value["encoding"] is not None:
        sure = value["encoding_confidence"]
        yield "encoding", value["encoding"], "" if sure is None else f"{sure:.0%} sure"
    yield "read by", "", value["parser"]
    seconds = ", ".join(f"{stage} {spent:g}" for stage, spent in value["seconds"].items())
    yield "seconds", "", seconds
    for warning in value["warnings"]:
        yield "warning", "", warning
