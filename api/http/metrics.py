"""What `/metrics` says, in Prometheus' text format. Counters live as long as the application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Samples = Iterable[tuple[Mapping[str, str], float]]


class RequestCounts:
    """Requests by method and status. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, method: str, status: int) -> None:
        """Count one request; status 0 is one whose client left before the answer began."""
        self._counts[method if method in _METHODS else "OTHER", status] += 1

    def samples(self) -> Samples:
        """Labels and numbers so far."""
        for (method, status), number in sorted(self._counts.items()):
            yield {"method": method, "status": str(status)}, number


Family = tuple[str, str, str, Samples]
"""Name, kind, help and samples of a metric."""


def exposition(families: Iterable[Family]) -> str:
    """Families as text; label values are ours and need no escape."""
    lines: list[str] = []
    for name, kind, meaning, samples in families:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        for labels, value in samples:
            inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
            lines.append(f"{name}{{{inner}}} {value:g}" if inner else f"{name} {value:g}")
    return "\n".join(lines) + "\n"
