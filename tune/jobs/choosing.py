"""Which backends there are: this machine, files alone, and the services that are configured."""

from __future__ import annotations

from kb.knowledge_base import KnowledgeBase
from tune.jobs.backends import Backend
from tune.jobs.exporting import FilesBackend
from tune.jobs.failures import TrainingFailed
from tune.jobs.local import LocalBackend
from tune.jobs.preparing import FILES, LOCAL
from tune.jobs.remote import RemoteBackend
from tune.jobs.trainer_process import MODULE


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
