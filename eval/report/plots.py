"""Plots as SVG text. They scale with the page; colours are classes, so they follow its theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from eval.metrics.intervals import Interval

WIDTH = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 12, 34
_BAR, _GAP = 14, 12
_LABEL = 150
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BINS = 24


class Series(NamedTuple):
    """Values with a name; the first series is blue, the second orange."""

    name: str
    values: Mapping[str, Interval]


def curves(series: Sequence[Series], ks: Sequence[int], label: str, *, height: int = 260) -> str:
    """A line per series over k, each with the band of its interval; places on x are even."""
    bottom = height - _BOTTOM
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(ks) - 1)
    x = [_LEFT + place * step for place in range(len(ks))]

    def y(share: float) -> float:
        return bottom - share * (bottom - _TOP)

    parts = [_grid(y)]
    parts += [
        f'<text class="axis" x="{at:.1f}" y="{height - 14}" text-anchor="middle">{k}</text>'
        for at, k in zip(x, ks, strict=True)
    ]
    for number, item in enumerate(series, start=1):
        found = [item.values[str(k)] for k in ks]
        upper = [f"{at:.1f},{y(value.high):.1f}" for at, value in zip(x, found, strict=True)]
        lower = [f"{at:.1f},{y(value.low):.1f}" for at, value in zip(x, found, strict=True)]
        line = [f"{at:.1f},{y(value.mean):.1f}" for at, value in zip(x, found, strict=True)]
        parts.append(f'<polygon class="band s{number}" points="{" ".join(upper + lower[::-1])}"/>')
        parts.append(f'<polyline class="line s{number}" points="{" ".join(line)}"/>')
        parts += [
            f'<circle class="dot s{number}" cx="{at:.1f}" cy="{y(value.mean):.1f}" r="3.5">'
            f"<title>{escape(item.name)}, k={k}: {value.mean:.3f}</title></circle>"
            for at, value, k in zip(x, found, ks, strict=True)
        ]
    return _figure(parts, height, label, series)


def bars(series: Sequence[Series], label: str) -> str:
    """A bar per group and series, with a whisker for the interval; groups in the first's order."""
    groups = [name for name in series[0].values if all(name in item.values for item in series)]
    if not groups:
        return ""
    row = len(series) * _BAR + _GAP
    height = _TOP + len(groups) * row + _BOTTOM
    scale = WIDTH - _LABEL - _RIGHT
    parts = [
        f'<line class="grid" x1="{_LABEL + tick * scale:.1f}" x2="{_LABEL + tick * scale:.1f}" '
        f'y1="{_TOP}" y2="{height - _BOTTOM}"/>'
        f'<text class="axis" x="{_LABEL + tick * scale:.1f}" y="{height - 14}" '
        f'text-anchor="middle">{tick * 100:.0f}</text>'
        for tick in _TICKS
    ]
    for place, group in enumerate(groups):
        top = _TOP + place * row
        middle = top + (row - _GAP) / 2 + 4
        parts.append(
            f'<text class="axis" x="{_LABEL - 8}" y="{middle:.1f}" text-anchor="end">'
            f"{escape(_short(group))}</text>"
        )
        for number, item in enumerate(series, start=1):
            parts.append(_bar(item.values[group], number, top + (number - 1) * _BAR, scale))
    return _figure(parts, height, label, series)


def histogram(times_ms: Sequence[float], label: str, *, height: int = 200) -> str:
    """How many questions took how long; the slowest hundredth is left out of the picture."""
    ordered = sorted(times_ms)
    if len(ordered) < 2:
        return ""
    longest = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] or 1.0
    counts = [0] * _BINS
    for time in ordered:
        if time <= longest:
            counts[min(_BINS - 1, int(time / longest * _BINS))] += 1
    bottom, width = height - _BOTTOM, (WIDTH - _LEFT - _RIGHT) / _BINS
    heights = [count / max(counts) * (bottom - _TOP) for count in counts]
    parts = [
        f'<rect class="bar s1" x="{_LEFT + place * width + 1:.1f}" width="{width - 2:.1f}" '
        f'y="{bottom - tall:.1f}" height="{tall:.1f}"><title>{count} questions</title></rect>'
        for place, (count, tall) in enumerate(zip(counts, heights, strict=True))
    ]
    parts += [
        f'<text class="axis" x="{_LEFT + share * (WIDTH - _LEFT - _RIGHT):.1f}" y="{height - 14}" '
        f'text-anchor="middle">{share * longest:.0f}</text>'
        for share in (0, 0.5, 1)
    ]
    return _figure(parts, height, label, ())


def _bar(value: Interval, number: int, top: float, scale: float) -> str:
    middle = top + _BAR / 2
    low, high = _LABEL + value.low * scale, _LABEL + value.high * scale
    return (
        f'<rect class="bar s{number}" x="{_LABEL}" y="{top + 1:.1f}" height="{_BAR - 2}" '
        f'width="{value.mean * scale:.1f}"><title>{value.mean:.3f}</title></rect>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" '
        f'y1="{middle:.1f}" y2="{middle:.1f}"/>'
    )


def _grid(y: Callable[[float], float]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(tick):.1f}" '
        f'y2="{y(tick):.1f}"/><text class="axis" x="{_LEFT - 8}" y="{y(tick) + 4:.1f}" '
        f'text-anchor="end">{tick * 100:.0f}</text>'
        for tick in _TICKS
    )


def _figure(parts: Sequence[str], height: float, label: str, series: Sequence[Series]) -> str:
    legend = "".join(
        f'<span class="key"><i class="s{number}"></i>{escape(item.name)}</span>'
        for number, item in enumerate(series, start=1)
        if len(series) > 1
    )
    return (
        f'<figure><figcaption>{escape(label)} {legend}</figcaption><svg viewBox="0 0 {WIDTH} '
        f'{height:.0f}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg></figure>'
    )


def _short(text: str, length: int = 22) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
