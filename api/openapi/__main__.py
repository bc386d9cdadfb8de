"""Writes the description of the API: `python -m api.openapi > docs/openapi.json`."""

from __future__ import annotations

import json
import sys

from api.app import create_app
from kb.settings import Settings


def description() -> str:
    """The OpenAPI document as it is kept in `docs/`."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(description())
