"""Where a tuned model comes from and what it does: base, data, job, model, variant, answers."""

from __future__ import annotations

from dataclasses import dataclass

from kb.store.access import usage
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.store.tuning import jobs, tuned_models
from kb.types import Scope, TunedModel, TuningJob


@dataclass(frozen=True, slots=True)
class TuningStep:
    """One round: the model that it made, its job, and what was trained on. `training_set` is the
    version of a set as `name@2`, where the file is one."""

    model: str
    job_id: str
    created_at: str
    training_file: str
    training_set: str | None
    trained_tokens: int | None
    template_hash: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The rounds of a model, the first one first; the names under which it is registered, the apps
    whose draft or published version asks it, and how many answers it gave."""

    name: str
    base: str
    steps: tuple[TuningStep, ...]
    registered: tuple[str, ...]
    apps: tuple[str, ...]
    answers: int


def lineage(tx: Transaction, scope: Scope, name: str) -> Lineage:
    """The line of a tuned model. Raises NotFound."""
    line = tuned_models.lineage(tx, scope, name)
    steps = tuple(_step(tx, model, jobs.get(tx, scope, model.job_id)) for model in reversed(line))
    own = {name, line[0].remote_model}
    known = models.page(tx, scope, PageRequest(MAX_LIMIT)).data
    registered = tuple(each.name for each in known if own & {each.name, each.model})
    asking = {slug for each in registered for slug in apps.asking(tx, scope, each)}
    totals = usage.totals(tx, scope, "model")
    answers = sum(total.answers for total in totals if total.name in registered)
    return Lineage(name, line[0].base, steps, registered, tuple(sorted(asking)), answers)


def _step(tx: Transaction, model: TunedModel, job: TuningJob) -> TuningStep:
    came_of = jobs.set_of_file(tx, job.training_file)
    made = job.training_file, came_of, job.trained_tokens, model.template_hash
    return TuningStep(model.name, job.id, model.created_at, *made)
