"""`serve`: one process with the API, the pages and the ingest worker, until a signal ends it.

The application is imported while the folder is opened: half of what opening does (the graph and the
vocabulary of the embedding model) needs no Python.

On SIGTERM every run is ended first, so that each open stream gets its terminal event; then uvicorn
waits for the connections, then the worker stops and the folder is closed.
"""

from __future__ import annotations

import errno
import gc
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, cast

import anyio
from uvicorn import Config, Server

from api.http import logs
from api.http.connections import RESERVED, GuardedProtocol
from kb.errors import Conflict, Unavailable
from kb.files.running_server import running_server
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import ServerSettings, Settings
from kb.telemetry.sending import sent

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.deps import AppState

GRACEFUL_SHUTDOWN_S = 10
STARTING_SWITCH_S = 0.0005
"""How long the thread that imports may keep one waiting that comes back from the model's library.
Medians of five, by turns: 2.81 s, with Python's 5 ms 3.23, one after the other 3.26."""
SPARE_CONNECTIONS = 1000
"""Connections beyond one per running answer: pages, lists, uploads, pings."""
LEAST_CONNECTIONS = 2 * RESERVED
OWN_FILES = 128
ANY_PORT = ServerSettings(host="127.0.0.1", port=0)
FILES_OF_INDEX = 13
"""Open files of one dataset: `/proc/PID/fd` of a server that 16 clients filled and asked had 86
entries with 4 datasets and 342 with 24."""


class KnowledgeBaseServer(Server):
    """Says when it is ready, and ends the streams before it waits for the connections."""

    def __init__(self, app: FastAPI, kb: KnowledgeBase, on_ready: Callable[[], None]) -> None:
        super().__init__(configuration(app, kb.settings))
        self._kb = kb
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so once `/readyz` answers 200."""
        from api.resources.operation.health import readiness

        await super().startup(sockets)
        while not all((await readiness(self._kb)).values()):
            await anyio.sleep(0.05)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give every open stream its end, then stop as uvicorn does."""
        from api.app import close_streams

        await close_streams(cast("AppState", self.lifespan.state))
        await super().shutdown(sockets)


def serve(
    settings: Settings,
    *,
    demo: bool,
    as_is: bool = False,
    ingests: bool = True,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        demo: also make the demo knowledge base.
        as_is: start though files of the data folder are missing or do not belong together.
        ingests: index and train here, and not only where `kb worker` runs.

    Raises:
        Rejected: nobody could index, for the data is this process's alone.
        Conflict: the port is taken, or another process owns the data folder.
        Unavailable: too few files may be open.
    """
    logs.configure(settings.log_level, settings.log_format)
    if not ingests:
        settings.check_cluster("kb serve --no-ingest")
    _connections(settings)  # more files may be open before the first ones are
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(STARTING_SWITCH_S)
    threading.Thread(target=import_module, args=("api.app",), name="imports").start()
    with ExitStack() as stack:
        if settings.traces:
            stack.enter_context(sent())
        # The folder first: its refusal names the other server.
        kb = stack.enter_context(closing(open_kb(settings, as_is=as_is)))
        listener = stack.enter_context(listen(settings.server))
        url = url_of(listener)

        def on_ready() -> None:
            sys.setswitchinterval(usual_s)
            _spare_the_collector()
            kb.folder.announce(url)
            stack.callback(kb.folder.withdraw)
            print(
                f"Ready at {url}\nSign in: {url}/login?token={kb.access.console.login_token}",
                flush=True,
            )

        from api.app import create_app

        server = KnowledgeBaseServer(create_app(kb=kb, demo=demo, ingests=ingests), kb, on_ready)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again at the end
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


@contextmanager
def connection(settings: Settings) -> Iterator[tuple[str, str]]:
    """The address and admin key of the server of this data folder, for a command.

    If none is running, one serves on a free local port as long as the command needs it.

    Raises:
        DataFolderLocked: a process that is not a server owns the folder.
    """
    found = running_server(settings)
    if found is not None:
        yield found
        return
    with closing(open_kb(settings)) as kb, running(kb) as url:
        yield url, kb.access.admin_key


@contextmanager
def running(
    kb: KnowledgeBase, app: FastAPI | None = None, where: ServerSettings = ANY_PORT
) -> Iterator[str]:
    """A server of an open knowledge base in a thread of its own; gives its address.

    Args:
        app: what it answers, if not everything.

    Raises:
        Conflict: the port is taken.
    """
    from api.app import create_app

    ready = threading.Event()
    server = KnowledgeBaseServer(app or create_app(kb=kb), kb, ready.set)
    with listen(where) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server")
        thread.start()
        try:
            while not ready.wait(timeout=0.1):
                if not thread.is_alive():
                    raise Unavailable("The server did not start; the log says why.")
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


def configuration(app: FastAPI, settings: Settings) -> Config:
    """How uvicorn serves the application."""
    return Config(
        app,
        http=GuardedProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.server.proxies),
        forwarded_allow_ips=settings.server.proxies,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
        limit_concurrency=_connections(settings),
    )


def listen(settings: ServerSettings) -> socket.socket:
    """A bound socket. Raises Conflict when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as exc:
        listener.close()
        raise Conflict(_why_not(settings, exc)) from exc
    return listener


def _why_not(settings: ServerSettings, exc: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Another program already listens on {where}. Stop it, or choose another port with "
            f"--port or KB_SERVER__PORT (0 takes a free one)."
        )
    return f"Cannot listen on {where}: {exc.strerror}. Choose another address or port."


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds the socket."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _spare_the_collector() -> None:
    """What starting has made stays for good. Looking through it for garbage again and again would
    stop every answer for 0.1 s and more each time."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _connections(settings: Settings) -> int:
    """As many as the settings want and the limit of open files leaves room for.

    Raises:
        Unavailable: it leaves room for almost none.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    files = OWN_FILES + FILES_OF_INDEX * settings.search.open_indexes
    if most < files + LEAST_CONNECTIONS:
        raise Unavailable(
            f"This process may open {most} files and needs {files + LEAST_CONNECTIONS}. Raise the "
            f"limit (`ulimit -n`, or `LimitNOFILE=` of systemd), or lower KB_SEARCH__OPEN_INDEXES."
        )
    return min(settings.chat.max_runs + SPARE_CONNECTIONS, most - files)
