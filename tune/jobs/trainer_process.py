"""The trainer as a child process, and the file in which it says what happens.

Parent and child share a folder and nothing else, so a child may run in an environment of its own.
One that a killed server has left behind is ended before the next is started.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, get_args

import tune
from kb.child_process import import_path, module_command
from kb.store.tuning.jobs import NewEvent
from kb.types import EventLevel

MODULE = "tune.trainers"
LEVELS = get_args(EventLevel)
STOP_S = 20.0
"""For a child that is asked to end to save where it is; a step of a large model takes long."""

_KEPT = (
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_HOME"),
    *("OMP_NUM_THREADS", "TRACKIO_DIR", "WANDB_MODE", "WANDB_DIR", "MLFLOW_TRACKING_URI"),
)
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_FOREIGN = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
"""For another interpreter: its own packages come first, ours only add what it lacks."""


class TrainerProcess:
    """One start of the child, in a session of its own."""

    def __init__(self, folder: Path, python: str | None, module: str = MODULE) -> None:
        """Raises OSError when the interpreter cannot be started."""
        self._pid_file = folder / "trainer.pid"
        end_left_over(folder)
        root = str(Path(tune.__file__).parents[1])
        own = module_command(module, str(folder))
        command = [python, "-B", "-c", _FOREIGN, root, module, str(folder)] if python else own
        paths = {} if python else {"PYTHONPATH": import_path()}
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with (folder / "trainer.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**kept, **_OFFLINE, **paths, "PYTHONUTF8": "1"},
                start_new_session=True,
            )
        self._pid_file.write_text(str(self._process.pid), encoding="ascii")

    def wait(self, seconds: float) -> int | None:
        """How it has ended, None if it still runs after so long."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def memory_bytes(self) -> int:
        """What it takes of the machine's memory; 0 where the system does not say."""
        with suppress(OSError, ValueError, IndexError):
            pages = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        return 0

    def end(self, grace_s: float = 0.0) -> None:
        """Ask it to save and end, and end it when it has not after the grace. May be repeated."""
        if grace_s and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self.wait(grace_s)
        if self._pid_file.exists():  # else its number may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._pid_file.unlink(missing_ok=True)


def end_left_over(folder: Path) -> None:
    """End the child of a server that is gone, if it still works on this folder."""
    with suppress(OSError, ValueError):
        pid = int((folder / "trainer.pid").read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline")
        while str(folder).encode() in command.read_bytes().split(b"\0"):  # of a zombie it is empty
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.05)


class EventFile:
    """What a child has said so far. Read from its start: a result may be older than this server."""

    def __init__(self, path: Path, told_bytes: int | None) -> None:
        """
        Args:
            told_bytes: how much of it is known already; None: all that is there.
        """
        self._path = path
        self.position = 0
        """How many bytes were read."""
        size = path.stat().st_size if path.exists() else 0
        self._told = size if told_bytes is None else min(told_bytes, size)  # a backup has none
        self.result: Mapping[str, Any] | None = None
        self.error: Mapping[str, Any] | None = None
        self.checkpoints = 0

    def read(self) -> tuple[int, list[NewEvent]]:
        """How many lines have come since the last call, and the events in them that are new."""
        lines, found = 0, []
        if not self._path.exists():
            return 0, []
        with self._path.open("rb") as file:
            file.seek(self.position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                begin, self.position, lines = self.position, self.position + len(line), lines + 1
                with suppress(ValueError, KeyError, TypeError):  # of a child that was killed
                    happened = self._taken(json.loads(line))
                    if happened is not None and begin >= self._told:
                        found.append(happened)
        return lines, found

    def _taken(self, raw: Mapping[str, Any]) -> NewEvent | None:
        kind, data = raw["type"], plain(raw.get("data") or {})
        message, at = str(raw.get("message") or ""), str(raw.get("at") or "")
        if kind == "result":
            self.result = data
        elif kind == "error":
            self.error = {"detail": message, **data}
        elif kind == "metrics":
            return NewEvent(message or _in_words(data), data, "info", "metrics", at)
        elif kind == "checkpoint":
            self.checkpoints += 1
            told = {"checkpoint": {**data, "path": Path(str(data["path"])).name}}
            return NewEvent(f"Checkpoint created at step {data['step']}", told, created_at=at)
        elif kind == "message":
            level = cast(EventLevel, raw.get("level") if raw.get("level") in LEVELS else "info")
            return NewEvent(message, data, level, "message", at)
        return None


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without numbers that JSON has no way to write: a loss may be none any more."""
    return {
        name: str(value).replace("nan", "NaN").replace("inf", "Infinity")
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in data.items()
    }


def _in_words(data: Mapping[str, Any]) -> str:
    total = f"/{data['total_steps']}" if data.get("total_steps") else ""
    names = {"train_loss": "training loss", "valid_loss": "validation loss"}
    told = [f"{said}={data[name]}" for name, said in names.items() if data.get(name) is not None]
    return f"Step {data.get('step', 0)}{total}: {', '.join(told)}"
