"""What a client may cost that nobody knows, over sockets to a real server process."""

from __future__ import annotations

import itertools
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.http.connections import OPEN_BODY_BYTES, UNKNOWN_OF_ADDRESS
from tests.server import ServerProcess, running_server

PATIENCE_S = 60
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LOGIN = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
UPLOAD = (
    b"PUT /v1/datasets/d/documents/by-name/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    proxies = {"KB_SERVER__TRUSTED_PROXIES": "127.0.0.1"}
    with running_server(tmp_path_factory.mktemp("unknown") / "data", **proxies) as running:
        yield running


@contextmanager
def connected(server: ServerProcess, source: str = "127.0.0.2") -> Iterator[socket.socket]:
    """A connection from another address than that of the proxy."""
    place = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    with socket.create_connection(place, PATIENCE_S, source_address=(source, 0)) as connection:
        yield connection


def is_healthy(server: ServerProcess) -> bool:
    with connected(server) as connection:
        connection.sendall(HEALTH)
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def answers(trickled: Sequence[tuple[socket.socket, bytes]]) -> list[bytes]:
    """What each connection is answered until it is closed, while it gets a byte now and then."""
    found = {connection: b"" for connection, _ in trickled}
    rests = {connection: itertools.cycle(rest or b" ") for connection, rest in trickled}
    give_up = time.monotonic() + PATIENCE_S
    with selectors.DefaultSelector() as waiting:
        for connection, _ in trickled:
            waiting.register(connection, selectors.EVENT_READ)
        while waiting.get_map():
            assert time.monotonic() < give_up, f"{len(waiting.get_map())} are still open"
            for key, _ in waiting.select(timeout=0.2):
                connection = key.fileobj
                try:
                    piece = connection.recv(65536)
                except ConnectionResetError:
                    piece = b""
                found[connection] += piece
                if not piece:
                    waiting.unregister(connection)
            for connection, rest in trickled:
                if rest and connection in waiting.get_map():
                    try:
                        connection.sendall(bytes([next(rests[connection])]))
                    except OSError:
                        waiting.unregister(connection)
    return list(found.values())


def test_who_is_slow_before_it_is_known_is_let_go_whatever_it_is_slow_at(server: ServerProcess):
    begun = (
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\n", b"X"),
        (LOGIN + b"Content-Length: 4000\r\n\r\n{", b""),
        (LOGIN + b"Content-Length: 4000\r\n\r\n", b" "),
        (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (UPLOAD + b"Content-Length: 4000\r\n\r\n", b"x"),
        (HEALTH + b"GET /healthz HTTP/1.1\r\nHos", b"t"),
    )
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in begun]
        for connection, (start, _) in zip(connections, begun, strict=True):
            connection.sendall(start)
        assert is_healthy(server)
        found = answers([(c, rest) for c, (_, rest) in zip(connections, begun, strict=True)])

    starts = [answer[:12] for answer in found]
    late, refused, fine = b"HTTP/1.1 408", b"HTTP/1.1 401", b"HTTP/1.1 200"
    assert starts == [b"", b"", late, late, late, refused, fine]


@pytest.mark.parametrize("framing", ["announced", "chunked"])
def test_a_body_for_an_open_path_is_small(server: ServerProcess, framing: str):
    for size, expected in ((OPEN_BODY_BYTES, 401), (OPEN_BODY_BYTES + 1, 413)):
        body = b'{"key": "wrong"}'.ljust(size)
        content = body if framing == "announced" else iter([body])
        said = {"x-forwarded-for": f"198.51.100.{size % 100}", "content-type": "application/json"}
        answer = httpx.post(f"{server.url}/login", content=content, headers=said)
        assert answer.status_code == expected, answer.text


def test_what_a_refused_client_goes_on_sending_is_not_read_for_long(server: ServerProcess):
    with connected(server) as connection:
        connection.sendall(UPLOAD + b"Content-Length: 2000000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(bytes(500 << 20))


def test_an_address_has_so_many_open_connections_that_say_nothing_and_no_more(
    server: ServerProcess,
):
    others = 30
    with ExitStack() as stack:
        elsewhere = stack.enter_context(connected(server, "127.0.0.3"))
        silent = [
            stack.enter_context(connected(server)) for _ in range(UNKNOWN_OF_ADDRESS + others)
        ]
        answers([(connection, b"") for connection in silent[:others]])  # the oldest go
        for connection in (*silent[others:], elsewhere):
            assert is_healthy(server)
            connection.sendall(HEALTH)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with server.http as http:
            assert http.get("/v1/datasets").status_code == 200


def test_behind_a_trusted_proxy_the_address_is_that_of_the_client(server: ServerProcess):
    head = LOGIN + b"X-Forwarded-For: %b\r\nContent-Length: 4000\r\n\r\n{"
    others = 10
    with ExitStack() as stack:
        silent = [
            stack.enter_context(connected(server, "127.0.0.1"))
            for _ in range(UNKNOWN_OF_ADDRESS + others + 1)
        ]
        for connection in silent[1:]:
            connection.sendall(head % b"198.51.100.50")
        silent[0].sendall(head % b"198.51.100.60")
        cut = answers([(connection, b"") for connection in silent[1 : others + 1]])
        assert cut == [b""] * others
        silent[0].sendall(b" " * 3999)
        assert silent[0].recv(65536).startswith(b"HTTP/1.1 400 ")


def test_whole_requests_are_answered_however_many_come_at_once(server: ServerProcess):
    with ExitStack() as stack:
        burst = [stack.enter_context(connected(server)) for _ in range(UNKNOWN_OF_ADDRESS * 5)]
        for connection in burst:
            connection.sendall(HEALTH)
        assert all(c.recv(65536).startswith(b"HTTP/1.1 200 ") for c in burst)


def test_a_server_that_is_nearly_full_lets_those_go_that_keep_it_waiting(tmp_path: Path):
    few = {"KB_CHAT__MAX_RUNS": "1"}  # 1,001 connections
    with running_server(tmp_path / "data", **few) as server, ExitStack() as stack:
        silent = [
            stack.enter_context(connected(server, f"127.0.{n // 60}.{n % 60 + 1}"))
            for n in range(1100)
        ]
        assert len(silent) == 1100
        assert is_healthy(server)
