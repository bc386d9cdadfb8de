"""`kb tune`: from data to a model that answers, and whether it pays."""

from __future__ import annotations

import cli.tune.publishing  # noqa: F401
import cli.tune.report  # noqa: F401
import cli.tune.sets  # noqa: F401
from cli.tune.app import tune

__all__ = ["tune"]
