"""The files that docs/using/proxies.md shows, run by nginx and Caddy before a real server."""

from __future__ import annotations

import datetime
import os
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.uploads.tus_client import BYTES, TUS, described
from tests.docs.pages import fences, page
from tests.fake_models import running_fake_server
from tests.server import ServerProcess, frames, running_server, wait_for_batch

PAGE = page("docs/using/proxies.md")
NUMBERS = [str(number) for number in range(1, 301)]
PUBLIC, BEHIND = "kb.example.com", "127.0.0.1:8000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("proxied") / "data"
    proxies = {"KB_SERVER__TRUSTED_PROXIES": "127.0.0.1"}
    with running_fake_server() as model, running_server(data, **proxies) as started:
        with started.http as http:
            slow = {"name": "slow", "model": "numbers:300:10", "base_url": model.base_url}
            http.post("/v1/models", json=slow).raise_for_status()
            dataset = http.post("/v1/datasets", json={"name": "sky"}).json()["id"]
            moon = {"files": ("moon.md", b"The moon rises over Ostrava at nine.")}
            sent = http.post(f"/v1/datasets/{dataset}/documents", files=moon).json()
            assert wait_for_batch(http, sent["batch_id"])["ready"] == 1
            make_app(http, "slow", base={"model": "slow"})
            make_app(http, "sky", dataset_ids=[dataset])
        yield started


def make_app(http: httpx.Client, slug: str, **draft: object) -> None:
    http.post("/v1/apps", json={"slug": slug, "name": slug}).raise_for_status()
    http.put(f"/v1/apps/{slug}/draft", json=draft).raise_for_status()
    http.post(f"/v1/apps/{slug}/publish").raise_for_status()


@pytest.fixture(
    params=[
        pytest.param("nginx", marks=pytest.mark.needs("nginx")),
        pytest.param("caddy", marks=pytest.mark.needs("caddy")),
    ]
)
def proxied(
    request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path
) -> Iterator[httpx.Client]:
    """A client that speaks to the proxy by TLS, with the admin key."""
    certificate = self_signed(tmp_path)
    port = free_port()
    start = {"nginx": nginx, "caddy": caddy}[request.param]
    shown = next(fences(PAGE, request.param)).replace(BEHIND, urlsplit(server.url).netloc)
    trust = ssl.create_default_context(cafile=certificate)
    headers = {"authorization": f"Bearer {server.key}"}
    with start(shown, port, certificate, tmp_path):
        url = f"https://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers=headers, verify=trust, timeout=60) as client:
            wait_until_answering(client)
            yield client


def free_port() -> int:
    """One that no outgoing connection takes meanwhile: below those that the system hands out."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("", port))
            return port


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "both.pem"
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@contextmanager
def running(command: list[str | Path], folder: Path) -> Iterator[None]:
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)}
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def nginx(shown: str, port: int, certificate: Path, folder: Path) -> Iterator[None]:
    shown = shown.replace("listen 443", f"listen 127.0.0.1:{port}")
    for ending in ("pem", "key"):
        shown = shown.replace(f"/etc/ssl/{PUBLIC}.{ending}", str(certificate))
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{shown} }}"
    )
    with running(["nginx", "-e", "stderr", "-c", config], folder):
        yield


@contextmanager
def caddy(shown: str, port: int, certificate: Path, folder: Path) -> Iterator[None]:
    shown = shown.replace(PUBLIC, f"https://127.0.0.1:{port}")
    shown = shown.replace("{\n", f"{{\n    tls {certificate} {certificate}\n", 1)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{shown}")
    with running(["caddy", "run", "--adapter", "caddyfile", "--config", config], folder):
        yield


def wait_until_answering(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the proxy did not start")


def test_tokens_pass_while_the_answer_is_being_written(proxied: httpx.Client):
    asked = {"query": "Count!"}
    run = text = ""
    with proxied.stream("POST", "/v1/apps/slow/chat", json=asked) as answer:
        for _, name, data in frames(answer):
            run = run or data["run_id"]
            if name == "delta" and not text:
                assert proxied.get(f"/v1/runs/{run}").json()["status"] == "running"
            text += data["text"] if name == "delta" else ""
    assert text.split() == NUMBERS


def test_large_files_and_resumable_uploads_pass(proxied: httpx.Client):
    dataset = proxied.post("/v1/datasets", json={"name": proxied.base_url.netloc.decode()}).json()
    place = f"/v1/datasets/{dataset['id']}/documents"
    words = b"The tide comes in twice a day, and the moon follows. " * 50_000
    sent = proxied.post(place, files={"files": ("large.md", words)})
    assert sent.status_code == 202, sent.text
    metadata = described(dataset_id=dataset["id"], filename="resumed.md")
    headers = {**TUS, "upload-length": "10", "upload-metadata": metadata}
    made = proxied.post("/v1/uploads", headers=headers)
    whole = {**BYTES, "upload-offset": "0"}
    done = proxied.patch(made.headers["location"], content=b"Hello tide", headers=whole)
    assert done.headers["x-document-id"]
    assert wait_for_batch(proxied, sent.json()["batch_id"])["ready"] == 1


def test_links_and_cookies_are_those_of_the_public_address(
    proxied: httpx.Client, server: ServerProcess
):
    messages = [{"role": "user", "content": "When does the moon rise over Ostrava?"}]
    asked = {"model": "sky", "messages": messages}
    answer = proxied.post("/openai/v1/chat/completions", json=asked).json()
    cited = answer["choices"][0]["message"]["annotations"]
    links = [each["url_citation"]["url"] for each in cited if each["type"] == "url_citation"]
    assert links
    assert all(link.startswith(f"{proxied.base_url}/v1/documents/") for link in links), links
    token = server.log.read_text().partition("login?token=")[2].split()[0]
    cookie = proxied.get(f"/login?token={token}").headers["set-cookie"]
    assert "secure" in cookie.lower()
