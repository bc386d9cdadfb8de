"""A job's files before it waits for its turn: what blocks, what warns, which parameters fit."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kb.child_process import import_path, module_command
from kb.knowledge_base import KnowledgeBase
from kb.store.tuning.jobs import NewEvent
from kb.types import TuningJob
from tune.diagnosis.parameters import GENERATES, resolved
from tune.jobs import preparing
from tune.jobs.backends import TrainingFailed
from tune.types import Finding

CHECK_S = 900.0
_KEPT = ("learning_rate_multiplier",)
"""What is answered as it was asked for, beside what it was resolved to."""


def validate(kb: KnowledgeBase, job: TuningJob) -> tuple[Mapping[str, Any], list[NewEvent]]:
    """Read and check the rows, and put them into the job's folder.

    Returns:
        The hyperparameters as they will be used, and what is to be told.

    Raises:
        TrainingFailed: a file is gone, or holds what cannot be trained on.
        Rejected: a file cannot be read at all.
    """
    rows, findings, events = preparing.gather(kb, job)
    preparing.write(kb, job, rows)
    findings += _checked(preparing.job_folder(kb, job.id))
    if blocking := [found.detail for found in findings if found.blocks]:
        raise TrainingFailed("invalid_training_file", " ".join(blocking))
    how = {"continue_by": "union"} if rows.is_new_run else {}
    asked = {**job.hyperparameters, **how}
    if job.backend != preparing.LOCAL:  # "auto" is the service's to choose
        return asked, [*events, *_told(findings)]
    found, warnings = resolved(
        asked,
        rows=len(rows.train),
        task=job.task,
        method=job.method,
        lora=job.task in GENERATES,
        base_parameters=parameters_of(preparing.base_of(kb, job)),
    )
    kept = {name: asked[name] for name in _KEPT if name in asked}
    return found | kept, [*events, *_told(findings), *_told(warnings)]


def parameters_of(folder: Path) -> int | None:
    """How many parameters a model has, by the heads of its files; None where they do not say."""
    counts = [sum(map(math.prod, _shapes(path))) for path in folder.glob("*.safetensors")]
    return sum(counts) or None


def _checked(folder: Path) -> list[Finding]:
    paths = [folder / name for name in (preparing.OWN, preparing.VALID)]
    command = module_command("tune.jobs.checking_child", *(str(p) for p in paths if p.exists()))
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": import_path()}
    try:
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, check=True, timeout=CHECK_S
        )
    except subprocess.SubprocessError as exc:
        detail = f"The rows could not be checked within {CHECK_S:g} s. Use fewer or shorter ones."
        raise TrainingFailed("check_failed", detail) from exc
    return [Finding(**{**each, "rows": tuple(each["rows"])}) for each in json.loads(done.stdout)]


def _shapes(path: Path) -> list[list[int]]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(min(size, 100 << 20)))
    return [tensor["shape"] for name, tensor in head.items() if name != "__metadata__"]


def _told(findings: Iterable[Finding]) -> list[NewEvent]:
    return [
        NewEvent(each.detail, {"code": each.code, "rows": list(each.rows)}, "warn")
        for each in findings
    ]
