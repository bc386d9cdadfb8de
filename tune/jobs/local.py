"""Training on this machine, in a child that is watched: memory, silence and time are limited."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from kb.settings_sections import TuningSettings
from tune.jobs.backends import Outcome, TrainingFailed, Unwanted, Work
from tune.jobs.trainer_process import MODULE, STOP_S, EventFile, TrainerProcess

POLL_S = 0.5
MOST_DEATHS = 2
"""In a row without a new checkpoint: a child that dies so often dies of the job."""


@dataclass(frozen=True, slots=True)
class LocalBackend:
    """Starts `python -m MODULE FOLDER`, again after a death, until it has made a model."""

    settings: TuningSettings
    module: str = MODULE

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        said = EventFile(work.folder / "events.jsonl", work.memory.get("told_bytes"))
        self._listen(said, work)
        began, deaths, checkpoints = time.monotonic(), 0, said.checkpoints
        while said.result is None:
            how = self._trained(work, said, began + self.settings.max_hours * 3600)
            if said.error is not None:
                code = str(said.error.get("code") or "trainer_failed")
                raise TrainingFailed(code, str(said.error["detail"]))
            deaths = 1 if said.checkpoints > checkpoints else deaths + 1
            checkpoints = said.checkpoints
            if said.result is None and deaths >= MOST_DEATHS:
                raise TrainingFailed(
                    "trainer_died",
                    f"The trainer ended {deaths} times without going on ({how}). Its last words: "
                    f"{_last_words(work.folder)}",
                )
        result = said.result
        return Outcome(
            folder=work.folder / "model",
            trained_tokens=result.get("trained_tokens"),
            template_hash=str(result.get("template_hash") or ""),
            separator=str(result.get("separator") or ""),
            stop=tuple(result.get("stop") or ()),
            metrics=result.get("metrics") or {},
        )

    def _trained(self, work: Work, said: EventFile, deadline: float) -> str:
        """Run the child once, and say how it ended."""
        try:
            process = TrainerProcess(work.folder, self.settings.python, self.module)
        except OSError as exc:
            raise TrainingFailed(
                "trainer_not_started",
                f"The trainer's interpreter cannot be started ({exc.strerror}). Check "
                "KB_TUNING__PYTHON.",
            ) from exc
        heard = time.monotonic()
        try:
            while (code := process.wait(POLL_S)) is None:
                moment = time.monotonic()
                if self._listen(said, work):
                    heard = moment
                if not work.is_wanted():
                    process.end(STOP_S)
                    self._listen(said, work)
                    raise Unwanted
                if moment - heard > self.settings.silent_s:
                    return f"no sign of life for {self.settings.silent_s:g} s"
                self._check_limits(process, moment, deadline)
        finally:
            process.end()
        self._listen(said, work)
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _check_limits(self, process: TrainerProcess, moment: float, deadline: float) -> None:
        if (taken := process.memory_bytes()) > self.settings.memory_bytes:
            raise TrainingFailed(
                "trainer_memory",
                f"The trainer took {taken:,} bytes of memory, more than KB_TUNING__MEMORY_BYTES "
                "allows. Use a smaller model, batch or max_tokens, or raise it.",
            )
        if moment > deadline:
            raise TrainingFailed(
                "trainer_time",
                f"Training took longer than {self.settings.max_hours:g} hours. Use fewer epochs, "
                "or raise KB_TUNING__MAX_HOURS.",
            )

    @staticmethod
    def _listen(said: EventFile, work: Work) -> int:
        lines, events = said.read()
        if events:
            work.tell(events, {"told_bytes": said.position})
        return lines


def _last_words(folder: Path) -> str:
    try:
        words = (folder / "trainer.log").read_bytes()[-2000:].decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(words) if line.strip()), "none")[:300]
