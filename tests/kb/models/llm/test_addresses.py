"""Which addresses a language model may have, when it is registered and when it is connected to."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import pytest

from kb.errors import ModelUnavailable, Rejected
from kb.models.fake.server import FakeModelServer
from kb.models.llm.addresses import MAX_URL_CHARACTERS, check_base_url
from kb.models.llm.opening import open_chat_model
from kb.settings import LlmSettings
from kb.types import Model
from tests.kb.models.llm.asking import PROMPT, collect, texts

LONGEST = "http://a/" + "x" * (MAX_URL_CHARACTERS - 9)
PLAIN = (
    "http://localhost:11434/v1",
    "http://127.0.0.1:8000/v1",
    "http://[::1]:8000/v1",
    "http://0.0.0.0:8000",
    "http://10.1.2.3/v1",
    "http://192.168.1.9:8080/v1",
    "http://[fd12:3456::1]/v1",
    "https://api.openai.com/v1",
    "https://api.openai.com./v1",
    "http://vllm_1:8000/v1",
    "https://xn--bcher-kva.example/v1/",
    "https://gateway.example/a/b~c/(d)/v1",
    "http://3com.example/v1",
    LONGEST,
)
ODD = (
    "",
    "localhost:8000",
    "//localhost/v1",
    "file:///etc/passwd",
    "ftp://localhost/v1",
    "javascript:alert(1)",
    "http://",
    "http:///v1",
    "http://ⓛocalhost/v1",
    "http://bücher.example/v1",
    "http://localhost。example/v1",
    "http://127。0。0。1/v1",
    "http://１２７.0.0.1/v1",
    "http://lo\u00adcalhost/v1",
    "http://local\u200bhost/v1",
    "http://%6c%6fcalhost/v1",
    "http://user@localhost/v1",
    "http://user:pass@localhost/v1",
    "http://localhost@169.254.169.254/v1",
    "http://localhost/v1?key=1",
    "http://localhost/v1#part",
    "http://localhost/v1\n",
    "http://localhost/v1\r\nhost: other",
    "http://local\thost/v1",
    "http://localhost/v1\0",
    "http://localhost/v1 ",
    " http://localhost/v1",
    "http://localhost\\@other/v1",
    "http://localhost:0/v1",
    "http://localhost:65536/v1",
    "http://localhost:٣/v1",
    "http://localhost:port/v1",
    "http://2130706433/v1",
    "http://0x7f000001/v1",
    "http://0x7f.1/v1",
    "http://127.1/v1",
    "http://0177.0.0.1/v1",
    "http://1.2.3.4.5/v1",
    "http://256.1.1.1/v1",
    "http://[::1/v1",
    "http://[::g]/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://-a.example/v1",
    "http://a..b/v1",
    f"http://{'a' * 64}.example/v1",
    f"http://{'a.' * 127}example/v1",
    LONGEST + "x",
    "http://" + "a" * 100_000,
)
METADATA = (
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.1.1/v1",
    "http://169.254.169.254./v1",
    "http://[fe80::1]/v1",
    "http://[fd00:ec2::254]/v1",
    "http://[FD00:0EC2:0:0::254]/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[::ffff:a9fe:a9fe]/v1",
    "http://[::169.254.169.254]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[64:ff9b:1::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::1]/v1",
    "http://metadata.google.internal/v1",
    "http://METADATA.google.internal./v1",
    "http://metadata/v1",
    "http://100.100.100.200/v1",
    "http://168.63.129.16/v1",
)


@pytest.mark.parametrize("url", PLAIN)
def test_addresses_of_local_private_and_public_models_are_taken(url: str):
    check_base_url(url)


@pytest.mark.parametrize("url", ODD, ids=lambda url: ascii(url[:40]))
def test_an_odd_address_is_refused_and_the_error_says_how_to_write_it(url: str):
    with pytest.raises(Rejected, match="Write it as http://host:port/v1") as refused:
        check_base_url(url)

    assert len(refused.value.detail) < 1_500
    assert refused.value.detail.replace("…", "").isascii()


@pytest.mark.parametrize("url", METADATA)
def test_link_local_and_metadata_addresses_are_refused_unless_the_setting_names_them(url: str):
    with pytest.raises(Rejected, match="KB_LLM__LINK_LOCAL_HOSTS") as refused:
        check_base_url(url)

    host = refused.value.detail.split("leads to ")[1].split(",")[0]
    check_base_url(url, f"other.example, {host}")


def asked(base_url: str, **options: str) -> list[str]:
    async def run() -> list[str]:
        model = open_chat_model(
            Model("m", "openai", base_url, "echo"), LlmSettings(retries=0, **options)
        )
        try:
            return texts(await collect(model.stream(PROMPT), None))
        finally:
            await model.close()

    return asyncio.run(run())


def resolving(monkeypatch: pytest.MonkeyPatch, host: str, address: str) -> None:
    """Let a name stand for an address, as a name server may at any moment."""
    real = socket.getaddrinfo

    def look_up(name, port, *rest, **more):
        return real(address if name == host else name, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])
def test_a_name_that_stands_for_a_metadata_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
):
    resolving(monkeypatch, "rebinding.example", address)

    with pytest.raises(ModelUnavailable, match="link-local or metadata address"):
        asked("http://rebinding.example/v1")


@pytest.mark.parametrize("url", [*METADATA[:4], "http://2852039166/v1", "http://ⓛocalhost/v1"])
def test_a_model_that_was_registered_before_is_not_connected_to_either(url: str):
    with pytest.raises(ModelUnavailable, match="base_url"):
        asked(url)


def test_a_named_host_is_connected_to_whatever_it_stands_for(monkeypatch: pytest.MonkeyPatch):
    tried: list[str] = []
    resolving(monkeypatch, "metadata.google.internal", "169.254.169.254")
    monkeypatch.setattr(
        asyncio.SelectorEventLoop, "sock_connect", partial(_refuse, tried), raising=True
    )

    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        asked("http://metadata.google.internal/v1", link_local_hosts="metadata.google.internal")
    assert tried == ["169.254.169.254"]


async def _refuse(tried: list[str], _sock: socket.socket, address: tuple[str, int]) -> None:
    tried.append(address[0])
    raise ConnectionRefusedError


def test_a_name_that_stands_for_this_machine_is_connected_to(monkeypatch: pytest.MonkeyPatch):
    resolving(monkeypatch, "model.internal", "127.0.0.1")

    async def run() -> list[str]:
        async with FakeModelServer() as server:
            url = server.base_url.replace("127.0.0.1", "model.internal")
            model = open_chat_model(Model("m", "openai", url, "echo"), LlmSettings())
            try:
                return texts(await collect(model.stream(PROMPT), None))
            finally:
                await model.close()

    assert "".join(asyncio.run(run())) == PROMPT.query
