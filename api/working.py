"""`kb worker`: what `kb serve` does for documents, models and webhooks, and nothing for callers,
who learn at most whether it is well and what its numbers are.

On SIGTERM what is in hand goes back to the queue, where it does not count as tried; a second signal
ends the process at once, and others take up its work when they no longer hear of it.
"""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager, ExitStack, closing
from types import FrameType
from typing import Literal

import typer

from api.http import logs
from ingest.work.engine import Engine
from ingest.work.worker import Worker
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.telemetry.sending import sent
from kb.webhooks.sending import Sender
from tune.jobs.worker import TuningWorker

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def work(
    settings: Settings, engine: Literal["local", "ray"] = "local", port: int | None = None
) -> None:
    """Work until SIGINT or SIGTERM.

    Args:
        port: to answer `/healthz`, `/readyz` and `/metrics`; 0 takes a free one.

    Raises:
        Rejected: one process does everything here, or Ray is not installed.
        Conflict: the port is taken.
    """
    settings.check_cluster("kb worker")
    logs.configure(settings.log_level, settings.log_format)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    for each in SIGNALS:
        signal.signal(each, stop)
    with ExitStack() as stack:
        if settings.traces:
            stack.enter_context(sent())
        opened = _on_ray(settings) if engine == "ray" else (open_kb(settings, searches=False), None)
        kb = stack.enter_context(closing(opened[0]))
        sender = Sender(kb.database, kb.secrets, **dict(settings.webhooks))
        for part in (sender, TuningWorker(kb), Worker(*opened)):
            part.start()
            stack.callback(part.stop)
        if port is not None:
            url = stack.enter_context(_answering(kb, port))
            typer.echo(f"Health and numbers: {url}/readyz and {url}/metrics")
        typer.echo(
            f"Ready: {kb.owner.id} expands archives, indexes and re-indexes documents, trains "
            f"models and sends webhooks"
        )
        stopping.wait()
        typer.echo("Stopping: what is in hand goes back to the queue")


def _answering(kb: KnowledgeBase, port: int) -> AbstractContextManager[str]:
    from api.app import create_worker_app  # 60 MB that a worker may do without
    from api.server import running

    where = kb.settings.server.model_copy(update={"port": port})
    return running(kb, create_worker_app(kb), where)


def _on_ray(settings: Settings) -> tuple[KnowledgeBase, Engine]:
    try:
        from ingest.on_ray.embedding import RayEmbedder
        from ingest.on_ray.engine import connect, ray_engine
    except ImportError as exc:
        raise Rejected("`kb worker --engine ray` needs the extra `ray`: run `make ray`.") from exc
    connect()
    return open_kb(settings, searches=False, elsewhere=RayEmbedder), ray_engine(settings)
