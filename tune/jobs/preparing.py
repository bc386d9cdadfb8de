"""From what was asked for to a folder that a trainer can work on: rows, replayed rows, the spec.

A tuned model that is continued forgets what it is not shown again, so rows of earlier rounds come
along; where all of them together are few, a new run from the base over the union costs as little
and forgets nothing. docs/decisions/0042-training-jobs.md has what was measured.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.errors import Conflict, NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.store.tuning import tuned_models
from kb.store.tuning.jobs import NewEvent
from kb.store.work import files
from kb.types import Scope, TunedModel, TuningJob
from tune.jobs.backends import TrainingFailed
from tune.retrieval.bases import COME_ALONG, base_folder
from tune.rows import forms
from tune.rows.canonical import read_rows, write_rows
from tune.types import Finding, TrainingRow

UNION_ROWS = 500
"""Old and new rows up to which a new run from the base is the default way to continue."""
REPLAY_ALL = 2_000
REPLAY_SHARE = 0.5
"""Of the number of new rows, where there are more old ones than `REPLAY_ALL`."""
MOST_OLD_ASKED = 100

LOCAL, FILES = "local", "files"
"""The backends that are always there."""
TRAIN, VALID, OWN, OLD_VALID = "train.jsonl", "valid.jsonl", "own.jsonl", "old_valid.jsonl"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a job trains on (`train`: its `own` and what is replayed), and is measured on."""

    own: Sequence[TrainingRow]
    train: Sequence[TrainingRow]
    valid: Sequence[TrainingRow]
    old_valid: Sequence[TrainingRow]
    is_new_run: bool


def job_folder(kb: KnowledgeBase, job_id: str) -> Path:
    """Where everything of a job lies."""
    return kb.folder.tuning / job_id


def bases_folder(kb: KnowledgeBase) -> Path:
    """Where base models lie, each a folder by its name."""
    return kb.settings.tuning.models or kb.folder.tuning / "bases"


def base_names(kb: KnowledgeBase) -> list[str]:
    """The base models that are here, those that come along among them."""
    folder = bases_folder(kb)
    there = [each.name for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    return sorted({*there, *COME_ALONG})


def gather(kb: KnowledgeBase, job: TuningJob) -> tuple[Rows, list[Finding], list[NewEvent]]:
    """Read the rows of a job and of the rounds before it, and say how it goes on from those.

    Raises:
        TrainingFailed: a file is gone, or holds no row to train on.
        Rejected: it cannot be read at all.
    """
    line = kb.database.reading(_line, Scope.admin(), job.model)
    given, findings = _rows(kb, job.training_file)
    own = [row for row in given if row.split in (None, "train")]
    valid = [row for row in given if row.split == "valid"]
    if job.validation_file is not None:
        valid, more = _rows(kb, job.validation_file)
        findings += more
    if not own:
        raise TrainingFailed("no_training_rows", "The training file holds no row to train on.")
    known = set(map(_key, own))
    old = [row for row in _earlier(kb, line, OWN) if _key(row) not in known]
    earlier = _earlier(kb, line, VALID) or _sampled(old, MOST_OLD_ASKED, job.seed)
    old_valid = _sampled(earlier, MOST_OLD_ASKED, job.seed)
    is_new = _is_new_run(job, len(old), len(own))
    replayed = old if is_new else _replayed(old, len(own), job.seed)
    rows = Rows(own, [*own, *replayed], valid, old_valid, is_new)
    return rows, findings, _told(rows, len(replayed), len(old)) if line else []


def write(kb: KnowledgeBase, job: TuningJob, rows: Rows) -> None:
    """Put the rows into the job's folder; those to train on come last."""
    folder = job_folder(kb, job.id)
    folder.mkdir(parents=True, exist_ok=True)
    some = {OWN: rows.own, VALID: rows.valid, OLD_VALID: rows.old_valid, TRAIN: rows.train}
    for name, content in some.items():
        if content:
            write_rows(content, folder / f"{name}.new")
            (folder / f"{name}.new").replace(folder / name)


def bring(kb: KnowledgeBase, job: TuningJob) -> None:
    """Write the rows anew if another process has the job's folder. Raises as `gather`."""
    if not (job_folder(kb, job.id) / TRAIN).exists():
        rows, _, _ = gather(kb, job)
        write(kb, job, rows)


def write_spec(kb: KnowledgeBase, job: TuningJob) -> None:
    """Tell the trainer what to do and where everything is now: a backup may have moved it."""
    folder, asked = job_folder(kb, job.id), dict(job.hyperparameters)
    line = kb.database.reading(_line, Scope.admin(), job.model)
    goes_on = bool(line) and asked.pop("continue_by", None) != "union"
    beside = {
        "template": None,
        "track_with": None,
        "separator": line[0].separator if line else "",
        "stop": line[0].stop if line else (),
    }
    spec = {
        "task": job.task,
        "method": job.method,
        "seed": job.seed,
        "suffix": job.suffix,
        "base": str(base_of(kb, job)),
        "continue_from": str(model_folder(kb, line[0]).resolve()) if goes_on else None,
        **{name.split(".")[0]: _there(folder, name) for name in (TRAIN, VALID, OLD_VALID)},
        "out": "model",
        "checkpoints": "checkpoints",
        "events": "events.jsonl",
        **{name: asked.pop(name, default) for name, default in beside.items()},
        "hyperparameters": asked,
    }
    (folder / "spec.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")


def _there(folder: Path, name: str) -> str | None:
    return name if (folder / name).exists() else None


def base_of(kb: KnowledgeBase, job: TuningJob) -> Path:
    """The folder of the base model at the beginning of a job's line."""
    tuned = kb.database.reading(tuned_models.find, Scope.admin(), job.model)
    return base_folder(tuned.base if tuned else job.model, bases_folder(kb))


def model_folder(kb: KnowledgeBase, model: TunedModel) -> Path:
    """Where a tuned model lies.

    Raises:
        NotFound: it is one of a service elsewhere.
        Conflict: another process has its files.
    """
    if model.folder is None:
        raise NotFound("folder of the tuned model", model.name)
    folder = kb.folder.tuning / model.folder
    if not folder.is_dir():
        raise Conflict(
            f"The files of {model.name!r} are not in this process's data folder, but in that of "
            f"the one that trained it: let all have one `tuning/`, or copy {folder.parent.name!r}."
        )
    return folder


def _line(tx: Transaction, scope: Scope, name: str) -> list[TunedModel]:
    """A tuned model with those before it; nothing for a base."""
    return tuned_models.lineage(tx, scope, name) if tuned_models.find(tx, scope, name) else []


def _rows(kb: KnowledgeBase, file_id: str) -> tuple[list[TrainingRow], list[Finding]]:
    try:
        file = kb.database.reading(files.get, Scope.admin(), file_id)
        rows, findings = forms.read(kb.originals.path(file.sha256).read_bytes(), file.name)
    except (NotFound, FileNotFoundError):
        raise TrainingFailed("file_gone", f"The file {file_id} was deleted meanwhile.") from None
    return rows, list(findings)


def _earlier(kb: KnowledgeBase, line: Iterable[TunedModel], name: str) -> list[TrainingRow]:
    """The rows of the rounds before, as far as their folders are there, each once."""
    paths = [job_folder(kb, model.job_id) / name for model in line]
    rows = (row for path in paths if path.exists() for row in read_rows(path))
    return list({_key(row): row for row in rows}.values())


def _is_new_run(job: TuningJob, old: int, new: int) -> bool:
    how = job.hyperparameters.get("continue_by", "auto")
    return bool(old) and (how == "union" or (how == "auto" and old + new <= UNION_ROWS))


def _replayed(old: Sequence[TrainingRow], new: int, seed: int) -> list[TrainingRow]:
    if len(old) <= REPLAY_ALL:
        return list(old)
    return _sampled(old, max(1, round(REPLAY_SHARE * new)), seed)


def _sampled(rows: Sequence[TrainingRow], most: int, seed: int) -> list[TrainingRow]:
    return list(rows) if len(rows) <= most else random.Random(seed).sample(rows, most)


def _key(row: TrainingRow) -> tuple[object, ...]:
    return row.messages, row.label, row.rejected


def _told(rows: Rows, replayed: int, old: int) -> list[NewEvent]:
    if old == 0:
        warning = "No row of earlier rounds is here: what they taught may be forgotten."
        return [NewEvent(warning, level="warn")]
    if rows.is_new_run:
        return [NewEvent(f"A new run from the base over the {len(rows.train)} rows of all rounds.")]
    words = f"The model is continued; {replayed} of {old} rows of earlier rounds come along."
    return [NewEvent(words)]
