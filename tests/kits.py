"""The servers of a cluster for tests, and `CITEWELL_KIT=cluster make test`: all on the second kit.

There each data folder that a test opens is that of a process whose rows, vectors and originals lie
on servers: every folder has a database, a secret and a place in the bucket of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chroma_server import ChromaProcess, chroma_server
from tests.postgres import TEMPLATE, PostgresServer, started_postgres
from tests.programs import WITH
from tests.s3_server import S3Server, started_s3

IS_CLUSTER = os.environ.get("CITEWELL_KIT") == "cluster"


class Cluster:
    """Running servers, shared by any number of installations that know nothing of each other."""

    def __init__(self, folder: Path, stack: ExitStack, *, rows: Path | None = None) -> None:
        """
        Args:
            folder: for the vectors.
            rows: keeps the rows, in place of a folder that goes.
        """
        self.postgres: PostgresServer = stack.enter_context(started_postgres(rows))
        self.s3: S3Server = stack.enter_context(started_s3())
        self.chroma: ChromaProcess = stack.enter_context(chroma_server(folder / "chroma"))

    @contextmanager
    def installation(self) -> Iterator[dict[str, str]]:
        """Settings of a new one, as environment variables; its rows go at the end of the block."""
        with self.postgres.database(TEMPLATE) as url:
            yield self.settings(url)

    def settings(self, database_url: str) -> dict[str, str]:
        """Environment variables for processes on that database."""
        return {
            "KB_DATABASE__URL": database_url,
            "KB_DATABASE__CONNECTIONS": "8",
            "KB_CHROMA__URL": self.chroma.url,
            "KB_BLOBS__URL": self.s3.url(),
            **{f"KB_BLOBS__{name.upper()}": value for name, value in self.s3.access.items()},
            "KB_ADMIN_KEY": f"kbk_admin_{secrets.token_hex(24)}",
            "KB_SECRET_KEY": secrets.token_hex(32),
        }


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The servers of this test process."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        yield Cluster(Path(folder), stack)


@pytest.fixture
def installation(cluster: Cluster) -> Iterator[dict[str, str]]:
    """Settings of processes that share servers, as environment variables."""
    with cluster.installation() as settings:
        yield settings


class SecondKit:
    """Gives every data folder servers, where the whole suite runs on the second kit."""

    def __init__(self, config: pytest.Config) -> None:
        self._stack = ExitStack()
        self._path = config.stash[WITH]
        self._cluster: Cluster | None = None
        self._settings: dict[Path, dict[str, str]] = {}

    def of(self, data_dir: Path) -> dict[str, str]:
        """The environment of processes whose data folder that is."""
        place = Path(data_dir).absolute()
        if place not in self._settings:
            self._cluster = self._cluster or self._started()
            self._settings[place] = self._stack.enter_context(self._cluster.installation())
        return self._settings[place]

    def share(self, data_dir: Path, other: Path) -> None:
        """Let a folder be on the servers of another one."""
        self._settings[Path(other).absolute()] = self.of(data_dir)

    def close(self) -> None:
        """Stop the servers."""
        self._stack.close()

    def _started(self) -> Cluster:
        hidden, os.environ["PATH"] = os.environ["PATH"], self._path
        try:
            folder = self._stack.enter_context(
                tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            )
            return Cluster(Path(folder), self._stack)
        finally:
            os.environ["PATH"] = hidden


_second_kit: SecondKit | None = None


def kit_environment(data_dir: Path) -> dict[str, str]:
    """What a process on that folder needs in its environment: nothing, on the first kit."""
    return _second_kit.of(data_dir) if _second_kit else {}


def copy_folder(data_dir: Path, copy: Path) -> None:
    """Copy a folder that no process has; on the second kit the copy is on the same servers."""
    shutil.copytree(data_dir, copy)
    if _second_kit:
        _second_kit.share(data_dir, copy)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let settings that a test makes be those of the second kit, if it is wanted."""
    global _second_kit
    if not IS_CLUSTER:
        return
    from kb.settings import Settings

    kit = _second_kit = SecondKit(config)
    config.add_cleanup(kit.close)
    plain = Settings.__init__

    def of_the_kit(self: Settings, **values: Any) -> None:
        if "data_dir" in values and "database" not in values:
            values = {**nested(kit.of(values["data_dir"])), **values}
        plain(self, **values)

    Settings.__init__ = of_the_kit  # type: ignore[method-assign]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave out what is about the one folder that the first kit has."""
    if IS_CLUSTER and item.get_closest_marker("one_folder"):
        item.add_marker(pytest.mark.skip(reason="only the first kit keeps all in one folder"))


def nested(environment: dict[str, str]) -> dict[str, Any]:
    """What `Settings` takes, by section, of environment variables."""
    found: dict[str, Any] = {}
    for name, value in environment.items():
        *section, key = name.removeprefix("KB_").lower().split("__")
        target = found.setdefault(section[0], {}) if section else found
        target[key] = value
    return found
