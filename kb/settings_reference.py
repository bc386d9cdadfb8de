"""Writes `docs/settings.md` from the settings themselves: `python -m kb.settings_reference`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kb.settings import PREFIX, Settings

HEAD = """# Settings

Set these as environment variables or in a file `.env` in the working folder. An unknown `KB_` name
is refused at start. This page is generated from `kb/settings.py` (`make openapi`).
"""

TABLE = "| name | default | effect |\n|---|---|---|"


def reference() -> str:
    """The page, as Markdown."""
    plain: list[str] = []
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows = [_row(f"{name}__{key}", value) for key, value in kind.model_fields.items()]
            title = f"## {name}\n\n{(kind.__doc__ or '').strip()}"
            sections.append("\n".join((title, "", TABLE, *rows)))
        else:
            plain.append(_row(name, field))
    return "\n\n".join((HEAD.strip(), "\n".join((TABLE, *plain)), *sections)) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    effect = " ".join((field.description or "").split())
    return f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {effect}{_bounds(field)} |"


def _default(value: Any) -> str:
    if value is None:
        return "unset"
    return f"`{value}`" if isinstance(value, str | int | float | Path) else str(value)


def _bounds(field: FieldInfo) -> str:
    low = next((getattr(m, k) for m in field.metadata for k in ("ge", "gt") if hasattr(m, k)), None)
    high = next(
        (getattr(m, k) for m in field.metadata for k in ("le", "lt") if hasattr(m, k)), None
    )
    choices = [value for value in get_args(field.annotation) if isinstance(value, str)]
    if choices:
        return f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    if low is None and high is None:
        return ""
    if high is None:
        return f" At least {low}."
    return f" {low} to {high}."


def _bound(field: FieldInfo, *kinds: str) -> Any:
    found = (getattr(m, kind) for m in field.metadata for kind in kinds if hasattr(m, kind))
    return next(found, None)


if __name__ == "__main__":
    sys.stdout.write(reference())
