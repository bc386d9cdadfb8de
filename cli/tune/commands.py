"""`kb tune`: from data to a model that answers, and whether it pays."""

from __future__ import annotations

from cli.tune import publishing, report, serving, sets  # each puts its commands into the group
from cli.tune.app import tune

__all__ = ["publishing", "report", "serving", "sets", "tune"]
from cli.tune import publishing, report, sets, stored_sets  # each puts its commands into the group
from cli.tune.app import tune

__all__ = ["publishing", "report", "sets", "stored_sets", "tune"]
