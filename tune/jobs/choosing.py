"""Which backends there are: this machine, files alone, and the services that are configured."""

from __future__ import annotations

from kb.knowledge_base import KnowledgeBase
from kb.store.tuning.jobs import NewEvent
from tune.jobs.backends import Backend, Outcome, TrainingFailed, Work
from tune.jobs.local import LocalBackend
from tune.jobs.preparing import FILES, LOCAL
from tune.jobs.remote import RemoteBackend
from tune.jobs.trainer_process import MODULE
from tune.rows import forms
from tune.rows.canonical import read_rows
from tune.rows.shapes import FormOptions

TARGETS = ("llama-factory", "axolotl")


def backend_names(kb: KnowledgeBase) -> tuple[str, ...]:
    """The names that a job may have as its `backend`."""
    return LOCAL, FILES, *kb.settings.tuning.backends


def backend_named(kb: KnowledgeBase, name: str, module: str = MODULE) -> Backend:
    """The backend of a job. Raises TrainingFailed for one that is configured no more."""
    if name == LOCAL:
        return LocalBackend(kb.settings.tuning, module)
    if name == FILES:
        return FilesBackend()
    if (settings := kb.settings.tuning.backends.get(name)) is not None:
        return RemoteBackend(settings)
    raise TrainingFailed("backend_gone", f"The backend {name!r} is no longer configured.")


class FilesBackend:
    """Writes the rows for LLaMA-Factory and Axolotl, with a job file for each."""

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        rows = [row for path in (work.train, work.valid) if path for row in read_rows(path)]
        for target in TARGETS:
            written = forms.write(rows, target, FormOptions(model=work.model))
            folder = work.folder / "files" / target
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in written.files.items():
                (folder / name).write_bytes(data)
            made = {"folder": f"{work.job.id}/files/{target}", "files": sorted(written.files)}
            lost = [NewEvent(each.detail, level="warn") for each in written.findings]
            work.tell([*lost, NewEvent(f"Files for {target} are written.", made)], {})
        return Outcome()
