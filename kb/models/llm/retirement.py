"""The day on which a provider shuts a model down: said beforehand, and from then on kept to.

Providers end fine-tuned models at a date they announce. A tuned variant whose model is gone by its
date gives way to base; a base model has nothing to give way to and is asked as long as it answers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from kb.errors import ModelUnavailable
from kb.types import Model

WARNING_DAYS = 30
"""How long before its date a model's shutdown is warned of."""


class ShutDown(ModelUnavailable):
    """The model's shutdown date has come."""

    def __init__(self, model: Model) -> None:
        super().__init__(
            f"The language model {model.name!r} was shut down on {model.shutdown_at}. Choose "
            f"another for this variant."
        )


def today() -> date:
    """The day it is in UTC, in which shutdown dates are meant."""
    return datetime.now(UTC).date()


def has_shut_down(model: Model) -> bool:
    """Whether the model's date has come."""
    left = days_left(model, today())
    return left is not None and left <= 0


def days_left(model: Model, day: date) -> int | None:
    """Days until the model is shut down, 0 or less from its date on; None if no date is known."""
    return None if model.shutdown_at is None else (date.fromisoformat(model.shutdown_at) - day).days


def shutdown_warning(model: Model, day: date) -> str | None:
    """A sentence for operators, if the model's date is near or has passed."""
    left = days_left(model, day)
    if left is None or left > WARNING_DAYS:
        return None
    if left <= 0:
        return f"The language model {model.name!r} was shut down on {model.shutdown_at}."
    days = "1 day" if left == 1 else f"{left} days"
    return f"The language model {model.name!r} is shut down on {model.shutdown_at}, in {days}."
