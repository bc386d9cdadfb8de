"""What a trainer is told (`spec.json`) and what it tells (`events.jsonl`)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tune.rows.canonical import read_rows
from tune.types import TrainingRow

BEAT_S = 10.0
UNSAFE = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.py")
_RUNS_CODE = {"auto_map", "_attn_implementation_internal"}
_PATHS = ("base", "continue_from", "train", "valid", "old_valid", "out", "checkpoints")


class Failed(Exception):
    """The job cannot go on; `code` is stable, the text says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Stopped(Exception):
    """SIGTERM came, and a checkpoint is saved: the same folder resumes there."""


class Events:
    """The file of events. Each line is flushed at once: the parent reads while we write."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._last = 0.0

    def tell(self, kind: str, message: str = "", *, level: str = "info", **data: Any) -> None:
        """Append one event. A loss may be NaN, as Python writes it in JSON."""
        self._last = time.monotonic()
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        event = {"at": at, "type": kind, "level": level, "message": message, "data": data}
        self._file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._file.flush()

    def beat(self) -> None:
        """A sign of life where nothing was told for a while. Called by work, not by a clock: a
        trainer that hangs is silent."""
        if time.monotonic() - self._last > BEAT_S:
            self.tell("heartbeat")


@dataclass(frozen=True, slots=True)
class Job:
    """The spec. `base` holds weights; `continue_from` a model that an earlier job made, which may
    be an adapter. `old_valid` are rows of earlier rounds, to see what was forgotten."""

    folder: Path
    task: str
    method: str
    base: Path
    continue_from: Path | None
    train: Path
    valid: Path | None
    old_valid: Path | None
    out: Path
    checkpoints: Path
    events: Events
    template: str | None
    separator: str
    stop: tuple[str, ...]
    hyperparameters: Mapping[str, Any]
    seed: int
    suffix: str
    track_with: str | None

    @classmethod
    def of(cls, folder: Path) -> Job:
        """Read a job folder; paths of the spec may be relative to it."""
        spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        paths: Any = {name: folder / spec[name] if spec.get(name) else None for name in _PATHS}
        stop = spec.get("stop") or ()
        return cls(
            folder=folder,
            task=spec["task"],
            method=spec.get("method") or "supervised",
            events=Events(folder / spec["events"]),
            template=spec.get("template"),
            separator=spec.get("separator") or "",
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            hyperparameters=spec.get("hyperparameters") or {},
            seed=spec.get("seed") or 0,
            suffix=spec.get("suffix") or "",
            track_with=spec.get("track_with"),
            **paths,
        )

    @property
    def name(self) -> str:
        """What the parent will call the model; the folder is named by the job's id."""
        return f"ft:{self.base.name}:citewell:{self.suffix}:{self.folder.name[-8:]}"

    def setting(self, name: str, default: Any) -> Any:
        """A hyperparameter, or the default where it is missing or null."""
        value = self.hyperparameters.get(name)
        return default if value is None else value

    def rows(self, name: str) -> list[TrainingRow]:
        """The rows of `train`, `valid` or `old_valid`; none where there is no such file."""
        path = getattr(self, name)
        return list(read_rows(path)) if path else []

    def tell_result(self, **data: Any) -> None:
        """The last event of a job that went well."""
        self.events.tell("result", "The model is complete.", base=self.base.name, **data)


def refuse_code(folder: Path) -> None:
    """Only a local folder of safetensors is opened, and none that brings code.

    Raises:
        Failed: it is no such folder.
    """
    unsafe = [path.name for pattern in UNSAFE for path in folder.glob(pattern)]
    configs = list(folder.glob("*config.json"))
    asks = [path.name for path in configs if _RUNS_CODE.intersection(_keys(path))]
    if unsafe or asks or not configs or not any(folder.glob("*.safetensors")):
        reason = f"holds {(unsafe + asks)[0]}" if unsafe or asks else "lacks a config or weights"
        raise Failed(
            "model_refused",
            f"Model {folder.name!r} {reason}. Only folders of safetensors without code are opened.",
        )


def _keys(path: Path) -> list[str]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return list(content) if isinstance(content, dict) else []


def weights_of(job: Job) -> tuple[Path, Path | None]:
    """The folder of weights to load, and the adapter that is continued on them, if any.

    An adapter says in `tuned.json`, relative to itself, which weights it lies on: those of a tuned
    model where it was trained on top of one.
    """
    model = job.continue_from
    if model is None or not (model / "adapter_config.json").exists():
        return model or job.base, None
    return adapter_weights(model) or job.base, model


def adapter_weights(adapter: Path) -> Path | None:
    """The folder of weights that an adapter of ours lies on; None if it says none that is here."""
    about = adapter / "tuned.json"
    said = json.loads(about.read_text()).get("weights") if about.exists() else None
    folder = (adapter / said).resolve() if said else None
    return folder if folder is not None and folder.is_dir() else None
