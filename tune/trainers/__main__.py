"""`python -m tune.trainers JOBFOLDER`: exit 0 when the model is complete, 3 when stopped by
SIGTERM (the same folder resumes), 1 when it failed; the last `error` event says why."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from tune.trainers.job import Failed, Job, Stopped

TRAINERS = {
    "chat": "tune.trainers.language",
    "completion": "tune.trainers.language",
    "classify": "tune.trainers.classifier",
    "extract": "tune.trainers.extractor",
    "embedder": "tune.trainers.embedder",
    "reranker": "tune.trainers.reranker",
}
"""Where each task's `train(job)` is. Imported when it is known: each brings torch."""

STOPPED = 3
_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def main(folder: Path) -> int:
    """Do the job of a folder."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # one process trains on one GPU
    job = Job.of(folder.absolute())
    try:
        job.events.tell("message", "Loading.")
        train = import_module(TRAINERS[job.task]).train
        _seed(job.seed)
        train(job)
    except Stopped:
        return STOPPED
    except Exception as exc:  # the edge of the job
        code = _code(exc)
        job.events.tell("error", str(exc), level="error", code=code, detail=str(exc))
        if code == "trainer_failed":
            raise
        return 1
    return 0


def _seed(seed: int) -> None:
    """A Trainer seeds itself, but new weights, of an adapter or a head, are made before it."""
    from transformers import set_seed

    set_seed(seed)


def _code(error: Exception) -> str:
    if isinstance(error, Failed):
        return error.code
    if isinstance(error, MemoryError) or any(each in str(error).lower() for each in _MEMORY):
        return "out_of_memory"
    lacks = isinstance(error, ImportError) or "to be installed" in str(error)  # said of a tracker
    return "package_missing" if lacks else "trainer_failed"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
