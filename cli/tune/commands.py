"""`kb tune`: from data to a model that answers, and whether it pays."""

from __future__ import annotations

# Each puts its commands into the group.
from cli.tune import embedder, jobs, more, publishing, report, serving, sets, stored_sets  # noqa: F401
from cli.tune.app import tune as tune
