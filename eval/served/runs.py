"""What is asked of runs: make, cancel, sum up, and set two side by side."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from eval.metrics.intervals import mcnemar
from eval.report.data import rounded
from eval.run import running
from eval.run.measuring import Result
from eval.run.running import Evaluation, MetricChange, compare, evaluation, summarise
from eval.served.outcomes import result_of
from eval.types import QuestionSet
from kb.errors import Conflict, Rejected
from kb.ids import new_id, now
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps
from kb.store.content import datasets, generations
from kb.store.engine.database import Transaction
from kb.store.evaluation import question_sets, runs
from kb.types import (
    DRAFT,
    EvaluationOutcome,
    EvaluationRun,
    EvaluationStatus,
    EvaluationSubject,
    Failure,
    Scope,
    SearchMode,
    VariantName,
)

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is asked for: a set, and either an app or a dataset.

    Attributes:
        version: of the app; 0 is its draft, None the published one as it is now.
        sample: how many questions at most, chosen by `seed`; None asks all.
    """

    question_set: str
    app: str | None = None
    version: int | None = None
    route: VariantName | None = None
    inputs: Mapping[str, str | bool | int | float] = field(default_factory=dict)
    dataset_id: str | None = None
    generation: int | None = None
    mode: SearchMode = "hybrid"
    top_k: int = 20
    sample: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question that went as it should in one of two runs only, by its number in each."""

    question: str
    number: int
    against_number: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside another, over the questions that both have asked.

    `won` went as they should in `run` only, `lost` in `against` only; `p_value` is the chance of
    seeing as uneven a split by luck (McNemar), `is_chance` whether it is too high to tell them
    apart. `compared` are the metrics, `run` after `against`.
    """

    run: EvaluationRun
    against: EvaluationRun
    questions: int
    won: Sequence[ChangedQuestion]
    lost: Sequence[ChangedQuestion]
    both_right: int
    neither: int
    p_value: float
    is_chance: bool
    compared: Sequence[MetricChange]


def create(kb: KnowledgeBase, scope: Scope, wanted: NewRun) -> EvaluationRun:
    """Make a run of the questions as they are now, and queue it.

    Raises:
        NotFound: the set, the app, its version, the dataset or its generation is not there.
        Rejected: neither or both of app and dataset are named, or the set holds no question.
        Conflict: the app has no published version.
    """
    with kb.database.write() as tx:
        found = question_sets.get(tx, scope, wanted.question_set)
        rows = [each.question for each in question_sets.every(tx, found.id)]
        if not rows:
            raise Rejected(f"{found.name!r} holds no question yet. Add one.")
        if wanted.sample is not None and wanted.sample < len(rows):
            chosen = random.Random(wanted.seed).sample(range(len(rows)), wanted.sample)
            rows = [rows[place] for place in sorted(chosen)]
        run = EvaluationRun(
            new_id("eval"),
            found.id,
            found.name,
            _subject(tx, scope, wanted),
            "queued",
            len(rows),
            now(),
            key_id=scope.key_id,
        )
        runs.add(tx, scope, run, rows)
    return run


def cancel(kb: KnowledgeBase, scope: Scope, run_id: str) -> EvaluationRun:
    """End a run; what was asked so far is summed up. Raises NotFound or Conflict."""
    run = kb.database.reading(runs.get, scope, run_id)
    if run.status in runs.ENDED:
        raise Conflict(f"The run has {run.status} already.")
    finish(kb, run_id, "cancelled")
    return kb.database.reading(runs.get, scope, run_id)


def finish(
    kb: KnowledgeBase, run_id: str, status: EvaluationStatus, error: Failure | None = None
) -> None:
    """End a run and sum it up; harmless if it has ended."""
    found = [result_of(each) for each in kb.database.reading(runs.done, run_id)]
    summary = rounded(asdict(summarise(found))) if found else None
    kb.database.writing(runs.end, run_id, status, error=error, summary=summary)


def comparison(kb: KnowledgeBase, scope: Scope, run_id: str, against_id: str) -> Comparison:
    """Two runs side by side; questions are the same where their words are. Raises NotFound."""
    run, after = _of(kb, scope, run_id)
    against, before = _of(kb, scope, against_id)
    pairs = _pairs(after, before)
    kept = [(a, b) for a, b in pairs if None not in (a.is_right, b.is_right)]
    won = [_changed(a, b) for a, b in kept if a.is_right and not b.is_right]
    lost = [_changed(a, b) for a, b in kept if b.is_right and not a.is_right]
    both = sum(bool(a.is_right and b.is_right) for a, b in kept)
    p_value = mcnemar(len(won), len(lost))
    return Comparison(
        run,
        against,
        len(pairs),
        won,
        lost,
        both,
        len(kept) - len(won) - len(lost) - both,
        round(p_value, 6),
        p_value >= SIGNIFICANT,
        compare(*_results(pairs)) if pairs else (),
    )


def report(kb: KnowledgeBase, scope: Scope, run_id: str, against_id: str | None) -> Evaluation:
    """A run, beside another if one is named, as `kb eval run` reports it.

    Raises:
        NotFound: there is no such run.
        Conflict: no question was asked yet, or none in both.
    """
    run, after = _of(kb, scope, run_id)
    against, before = _of(kb, scope, against_id) if against_id else (None, after)
    pairs = _pairs(after, before)
    if not pairs:
        raise Conflict("There is nothing to report yet: no question was asked.")
    other, own = _results(pairs)
    questions = QuestionSet(run.set_name, "", (), [result.question for result in own])
    beside = _measured(against, other) if against else None
    return evaluation(questions, _measured(run, own), beside)


def _subject(tx: Transaction, scope: Scope, wanted: NewRun) -> EvaluationSubject:
    if (wanted.app is None) == (wanted.dataset_id is None):
        raise Rejected("Name what to ask: either an `app` or a `dataset_id`.")
    if wanted.app is None:
        found = datasets.get(tx, scope, wanted.dataset_id or "")
        name = found.name
        if wanted.generation is not None:
            generations.seen(tx, found, wanted.generation)
            name += f"@{wanted.generation}"
        name += "" if wanted.mode == "hybrid" else f" ({wanted.mode})"
        return EvaluationSubject(
            name,
            dataset_id=found.id,
            generation=wanted.generation,
            mode=wanted.mode,
            top_k=wanted.top_k,
        )
    app = apps.get(tx, scope, wanted.app)
    version = app.version if wanted.version is None else wanted.version
    if version is None:
        raise Conflict(f"App {app.slug!r} has no published version. Publish its draft, or ask it.")
    if version != DRAFT:
        apps.version(tx, scope, app.id, version)
    name = f"{app.slug} (draft)" if version == DRAFT else f"{app.slug}@{version}"
    name += f" ({wanted.route})" if wanted.route else ""
    return EvaluationSubject(
        name, app_id=app.id, version=version, route=wanted.route, inputs=wanted.inputs
    )


Asked = Sequence[EvaluationOutcome]
Pairs = Sequence[tuple[EvaluationOutcome, EvaluationOutcome]]


def _of(kb: KnowledgeBase, scope: Scope, run_id: str) -> tuple[EvaluationRun, Asked]:
    with kb.database.read() as tx:
        return runs.get(tx, scope, run_id), runs.done(tx, run_id)


def _pairs(after: Asked, before: Asked) -> Pairs:
    known = {each.question["question"]: each for each in before}
    pairs = [(each, known.get(each.question["question"])) for each in after]
    return [(one, other) for one, other in pairs if other is not None]


def _results(pairs: Pairs) -> tuple[list[Result], list[Result]]:
    """The results before and after; a pair has one id, whatever their sets call it."""
    after, before = zip(*((result_of(one), result_of(other)) for one, other in pairs), strict=True)
    renamed = [
        replace(one, question=replace(one.question, id=other.question.id))
        for one, other in zip(before, after, strict=True)
    ]
    return renamed, list(after)


def _measured(run: EvaluationRun, results: Sequence[Result]) -> running.EvaluationRun:
    return running.EvaluationRun(run.subject.name, results, summarise(results))


def _changed(one: EvaluationOutcome, other: EvaluationOutcome) -> ChangedQuestion:
    return ChangedQuestion(one.question["question"], one.number, other.number)
