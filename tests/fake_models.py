"""The fake model server for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kb.models.fake.server import FakeModelServer


@contextmanager
def running_fake_server(
    host: str = "127.0.0.1", port: int = 0, **options: Any
) -> Iterator[FakeModelServer]:
    """The server in a thread with a loop of its own, for callers that are not asynchronous."""
    server = FakeModelServer(host, port, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake-model-server", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
