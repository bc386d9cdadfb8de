"""What clients send to have a model fine-tuned."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.dialects.dialect import Body
from api.dialects.openai.retrieval.requests import Id
from api.dialects.openai.shared.errors import UnsupportedField
from api.resources.fields import Text
from kb.types import TuningMethod
from tune.jobs.service import NewJob

Auto = Literal["auto"]
Metadata = Annotated[
    dict[Annotated[Text, Field(max_length=64)], Annotated[Text, Field(max_length=512)]],
    Field(max_length=16),
]


class Hyperparameters(Body):
    """What is left out or "auto" is chosen by the size of the set and the model."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=1000)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=4096)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=10_000)] = "auto"
    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


class Parameters(Body):
    """The part of a method that is read."""

    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)


class Method(Body):
    """How is trained."""

    type: Literal["supervised", "dpo", "reinforcement"] = "supervised"
    supervised: Parameters | None = None
    dpo: Parameters | None = None


class JobBody(Body):
    """A new job."""

    model: Id
    training_file: Id
    validation_file: Id | None = None
    suffix: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    metadata: Metadata | None = None
    integrations: list[dict[str, Any]] | None = None

    def wanted(self) -> NewJob:
        """Our way to say it. Raises UnsupportedField."""
        if self.integrations:
            raise UnsupportedField("`integrations`: a job here reports to nobody. Leave it out.")
        method = self.method or Method()
        if method.type == "reinforcement":
            raise UnsupportedField("`method.type`: there are supervised and dpo here.")
        named: TuningMethod = method.type
        own = method.dpo if named == "dpo" else method.supervised
        chosen = own.hyperparameters if own else self.hyperparameters or Hyperparameters()
        return NewJob(
            model=self.model,
            training_file=self.training_file,
            validation_file=self.validation_file,
            suffix=self.suffix,
            seed=self.seed,
            method=named,
            hyperparameters=chosen.model_dump(exclude=None if named == "dpo" else {"beta"}),
            metadata=self.metadata or {},
        )
