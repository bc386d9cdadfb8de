"""HTML from parts. Every text of a document or a question passes `escape`: it may be anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from eval.metrics.intervals import Interval

__all__ = ["card", "escape", "number", "percent", "points", "section", "table", "with_interval"]


def section(title: str, *parts: str, note: str = "") -> str:
    """A part of the page with a heading; nothing if it has no content."""
    body = "".join(parts)
    if not body:
        return ""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls within itself on narrow screens; cells are HTML."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return ""
    return (
        f'<div class="wide"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def card(title: str, value: str, detail: str = "") -> str:
    """One number that stands out."""
    return (
        f'<div class="card"><div class="name">{escape(title)}</div>'
        f'<div class="value">{value}</div><div class="detail">{detail}</div></div>'
    )


def percent(value: float) -> str:
    """A share as a percentage with one digit."""
    return f"{value * 100:.1f}&#8239;%"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    rounded = round(difference * 100, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def number(value: float) -> str:
    """A number with as many digits as say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def with_interval(interval: Interval) -> str:
    """A share and its 95 % interval, small."""
    low, high = interval.low * 100, interval.high * 100
    return f"{percent(interval.mean)} <small>{low:.1f}&#8211;{high:.1f}</small>"
