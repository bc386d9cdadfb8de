"""What is settled before training, in one JSON file: criteria of answers, and what things cost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.types import AppAnswer
from kb.errors import Rejected

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Criterion(_Part):
    """What an answer is judged by. By `hand`, people say in a blind sheet which one meets it."""

    name: str
    how: Literal["contains", "regex", "json", "hand"]
    what: str = ""

    def is_met(self, text: str) -> bool:
        """Whether an answer contains the words, matches the pattern, or is JSON."""
        if self.how != "json":
            pattern = self.what if self.how == "regex" else re.escape(self.what)
            return re.search(pattern, text, 0 if self.how == "regex" else re.IGNORECASE) is not None
        try:
            json.loads(text)
        except ValueError:
            return False
        return True


class ModelPrice(_Part):
    """Money per million tokens."""

    price_in: Amount
    price_out: Amount


class Plan(_Part):
    """Criteria, and prices as of a day. Models that are not named cost as they are registered.

    `training` is what the tuning took, its data included, spread over `lifetime_months`;
    `hosting_base` and `hosting_tuned` are a month's, `retrieval` is one answer's search.
    """

    as_of: str = "the day the models were registered"
    currency: str = ""
    criteria: list[Criterion] = []
    models: dict[str, ModelPrice] = {}
    training: Amount = 0.0
    lifetime_months: Annotated[float, Field(gt=0)] = 12.0
    hosting_base: Amount = 0.0
    hosting_tuned: Amount = 0.0
    retrieval: Amount = 0.0
    answers_a_month: Annotated[float, Field(gt=0)] = 1000.0

    def of_answer(self, answer: AppAnswer, *, searches: bool) -> float | None:
        """What an answer's tokens and search cost; None where its model has no price."""
        price, cost = self.models.get(answer.model), answer.cost
        if price is not None:
            tokens = answer.tokens_in * price.price_in + answer.tokens_out * price.price_out
            cost = tokens / 1_000_000
        elif answer.tokens_in + answer.tokens_out == 0:  # no model was asked
            cost = 0.0
        return None if cost is None else cost + (self.retrieval if searches else 0.0)

    def a_month(self, *, is_tuned: bool) -> float:
        """What a month costs before the first answer."""
        tuning = self.hosting_tuned + self.training / self.lifetime_months
        return tuning if is_tuned else self.hosting_base


def read_plan(path: Path | None) -> Plan:
    """The plan of a file; without one the prices of the registered models, and no criteria.

    Raises:
        Rejected: the file breaks the form, a pattern is broken, or prices have no `as_of`.
    """
    try:
        plan = Plan.model_validate_json(path.read_bytes()) if path else Plan()
        for criterion in plan.criteria:
            criterion.is_met("")
    except (ValidationError, re.error) as exc:
        raise Rejected(f"{path} is no plan as in docs/using/tuning.md: {exc}") from exc
    if plan.model_fields_set - {"criteria", "as_of"} and "as_of" not in plan.model_fields_set:
        raise Rejected(f"{path} has prices: add `as_of`, the day on which they were right.")
    return plan
