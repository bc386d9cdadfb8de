"""The files in docs/monitoring/, loaded by Prometheus before a real server."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.api.telemetry.watched import use
from tests.docs.pages import ROOT
from tests.fake_models import running_fake_server
from tests.server import running_server

pytestmark = pytest.mark.needs("prometheus", "promtool")

FILES = ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FILES / "dashboard.json").read_text())
SHOWN = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
RULES = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"][0]["rules"]
METRIC = re.compile(r"\b(?:kb|process)_\w+|\bup\b")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Prometheus with our files, which reads a used server with a metrics key, every second."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        running_fake_server() as model,
        running_server(folder / "data") as server,
        server.http as http,
    ):
        key = http.post("/v1/keys", json={"kind": "metrics"}).json()["key"]
        (folder / "metrics.key").write_text(key)
        (folder / "alerts.yml").write_text((FILES / "alerts.yml").read_text())
        config = (FILES / "prometheus.yml").read_text().replace("15s", "1s")
        place = server.url.removeprefix("http://")
        (folder / "prometheus.yml").write_text(config.replace("127.0.0.1:8000", place))
        subprocess.run(["promtool", "check", "config", folder / "prometheus.yml"], check=True)
        with running_prometheus(folder) as client:
            until_known(client, 'kb_requests_total{status="200"}')
            use(http, model.base_url)
            until_known(client, 'sum(kb_answers_total{app="talk"}) > 1')
            use_again = {"query": "When does the moon rise?", "stream": False}
            for app in ("talk", "failing", "quoting"):
                http.post(f"/v1/apps/{app}/chat", json=use_again)
            until_known(client, 'sum(kb_answers_total{app="talk"}) > 2')
            yield client


class running_prometheus:  # noqa: N801
    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.place = f"127.0.0.1:{free.getsockname()[1]}"
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=series"]
        command += [f"--web.listen-address={self.place}", "--log.level=error"]
        self.process = subprocess.Popen(command, cwd=folder)

    def __enter__(self) -> httpx.Client:
        self.client = httpx.Client(base_url=f"http://{self.place}", timeout=30)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=30)


def query(client: httpx.Client, expression: str) -> list[Any]:
    told = client.get("/api/v1/query", params={"query": expression}).json()
    assert told["status"] == "success", (expression, told)
    found: list[Any] = told["data"]["result"]
    return found


def until_known(client: httpx.Client, expression: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError, ValueError):
            if query(client, expression):
                return
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has no {expression}")


def test_the_rules_are_loaded_and_none_is_in_error(prometheus: httpx.Client):
    until_known(prometheus, "up")
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]

    assert [rule["name"] for rule in groups[0]["rules"]] == [rule["alert"] for rule in RULES]
    assert {rule.get("lastError", "") for rule in groups[0]["rules"]} == {""}


@pytest.mark.parametrize("expression", SHOWN)
def test_every_panel_has_data(prometheus: httpx.Client, expression: str):
    until_known(prometheus, expression.replace("$__rate_interval", "1m"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_reads_numbers_that_there_are(prometheus: httpx.Client, rule: dict[str, Any]):
    query(prometheus, rule["expr"])
    for name in set(METRIC.findall(rule["expr"])):
        assert query(prometheus, f"count({name})"), name
