"""The process around the application: ready line, signals, deadlines, clear refusals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.http import connections
from api.server import connection, serve
from kb.errors import Conflict
from kb.settings import EmbeddingSettings, ServerSettings, Settings
from kb.types import Delta, Scope
from tests.api.serving import Served
from tests.fake_models import running_fake_server
from tests.server import frames, running_server

STREAMS = 30


def test_a_stopped_server_gives_every_stream_its_end(tmp_path: Path):
    with running_fake_server() as upstream, running_server(tmp_path / "data") as server:
        with server.http as http:
            body = {"name": "m", "model": "numbers:100000:20", "base_url": upstream.base_url}
            assert http.post("/v1/models", json=body).status_code == 201
            assert http.post("/v1/apps", json={"slug": "a", "name": "a"}).status_code == 201
            assert http.put("/v1/apps/a/draft", json={"base": {"model": "m"}}).status_code == 200
            assert http.post("/v1/apps/a/publish").status_code == 201
        ends: list[str] = []
        begun = threading.Semaphore(0)

        def read() -> None:
            with (
                server.http as own,
                own.stream("POST", "/v1/apps/a/chat", json={"query": "x"}) as s,
            ):
                begun.release()
                ends.append([line for line in s.iter_lines() if line.startswith("event: ")][-1])

        readers = [threading.Thread(target=read) for _ in range(STREAMS)]
        for reader in readers:
            reader.start()
        for _ in readers:
            begun.acquire()

        assert server.stop() == 0
        for reader in readers:
            reader.join()

        assert ends == ["event: run.cancelled"] * STREAMS
        assert not (tmp_path / "data" / "server.json").exists()


def test_a_ready_server_says_where_it_is_and_how_to_sign_in(tmp_path: Path):
    with running_server(tmp_path / "data") as server:
        announced = json.loads((tmp_path / "data" / "server.json").read_text())
        assert announced == {"url": server.url, "pid": server.process.pid}
        assert stat.S_IMODE(os.stat(tmp_path / "data").st_mode) == 0o700
        link = re.search(r"http://\S+/login\?token=\S+", server.log.read_text())
        assert link is not None
        assert httpx.get(link[0]).status_code == 303
        assert link[0].partition("token=")[2] not in server.log.read_text().replace(link[0], "")
        assert server.stop() == 0


def test_a_taken_port_is_refused_with_what_to_do(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = Settings(
            data_dir=tmp_path / "data",
            embedding=EmbeddingSettings(model="hash"),
            server=ServerSettings(port=port),
        )

        with pytest.raises(Conflict, match=f"already listens on 127.0.0.1:{port}.*--port"):
            serve(settings, demo=False)


def test_a_command_uses_the_running_server_or_one_of_its_own(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "data", embedding=EmbeddingSettings(model="hash"))
    with connection(settings) as (own, key):
        headers = {"authorization": f"Bearer {key}"}
        assert httpx.get(f"{own}/v1/datasets", headers=headers).status_code == 200
        assert not (tmp_path / "data" / "server.json").exists()
    with running_server(tmp_path / "data") as server, connection(settings) as (url, key):
        assert (url, key) == (server.url, server.key)


def test_a_request_that_is_never_finished_is_let_go(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "OPEN_DEADLINE_S", 0.2)
    host = urlsplit(served.url)
    complete = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent in (b"", b"GET /healthz HTT", complete[:-2], complete + b"GET /heal"):
        with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
            connection.sendall(sent)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            assert received.startswith(b"HTTP/1.1 200") == sent.startswith(complete)


def test_a_head_that_is_too_large_is_refused(served: Served):
    host = urlsplit(served.url)
    with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 4")


def test_a_header_of_24_mib_is_cut_off_while_it_arrives(served: Served):
    host = urlsplit(served.url)
    with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"x" * (24 << 20))
    assert served.http.get("/healthz").status_code == 200


def write_until_refused(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"\r\n")
        threading.Event().wait(0.05)


@pytest.mark.usefixtures("talking_apps")
def test_a_reader_that_takes_nothing_is_let_go_also_when_the_answer_is_over(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "STILL_S", 0.2)
    with served.http.stream("POST", "/v1/apps/endless/chat", json={"query": "x"}) as answer:
        run_id = next(frames(answer))[2]["run_id"]
    run = asyncio.run(served.kb.chat.run(Scope.admin(), run_id))
    flood = [Delta("x" * 1000)] * 20_000

    async def end() -> None:
        for event in flood:
            run.append(event)
        run.stop()
        await run.wait()

    asyncio.run_coroutine_threadsafe(end(), run._loop).result()
    host = urlsplit(served.url)
    with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
        head = f"GET /v1/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\n"
        key = served.http.headers["authorization"]
        connection.sendall(f"{head}Authorization: {key}\r\n\r\n".encode())

        with pytest.raises(ConnectionResetError):  # nothing is read until the server gives up
            write_until_refused(connection)
    assert run.subscribers == 0
