"""A file of the data folder is gone, empty, cut or of another folder: nothing is deleted for it.

The server says what is missing and how to go on, and starts again when the file is back.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.server import ServerProcess, environment, running_server, start_server, wait_for_batch

pytestmark = pytest.mark.slow  # every case starts servers

FILES = 12


def put(http: httpx.Client, dataset: str, files: dict[str, str]) -> None:
    parts = [("files", (name, text)) for name, text in files.items()]
    answer = http.post(f"/v1/datasets/{dataset}/documents", files=parts)
    assert wait_for_batch(http, answer.json()["batch_id"])["ready"] == len(files)


def fill(data: Path, marker: str) -> None:
    """A folder with documents, whose server was killed."""
    server = start_server(data)
    with server.http as http:
        dataset = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
        put(http, dataset, {f"{n}.txt": f"{marker} {n} stands here." for n in range(FILES)})
        http.post("/v1/keys", json={"kind": "admin", "name": "k"}).raise_for_status()
        model = {"name": "m", "base_url": "http://127.0.0.1:9/v1", "model": "x"}
        http.post("/v1/models", json={**model, "api_key": "sk-1"}).raise_for_status()
    server.kill()


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    fill(data, "Marker")
    return data


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("foreign") / "data"
    fill(data, "Stranger")
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "data"))


def originals(data: Path) -> set[str]:
    return {path.name for path in (data / "originals").glob("[0-9a-f][0-9a-f]/*")}


def lost(data: Path) -> set[str]:
    folder = data / "lost"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def files(data: Path) -> dict[Path, bytes]:
    """What counts: a start may renew locks and the memory that processes share."""
    ignored = ("-shm", ".lock", "server.json")
    return {
        path.relative_to(data): path.read_bytes()
        for path in data.rglob("*")
        if path.is_file() and not path.name.endswith(ignored) and path.stat().st_size
    }


def refusal(data: Path, *command: str) -> str:
    """The one line with which a command ends on that folder."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *(command or ("serve", "--port", "0"))],
        env=environment(data),
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done
    assert done.stderr.startswith("kb: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def documents(server: ServerProcess) -> int:
    with server.http as http:
        until(lambda: not http.post("/v1/fsck").json()["violations"])
        return int(http.post("/v1/fsck").json()["documents"])


def database(data: Path) -> list[Path]:
    return sorted(data.glob("kb.db*"))


def lose_the_database(data: Path) -> None:
    for path in database(data):
        path.unlink()


def empty_the_database(data: Path) -> None:
    lose_the_database(data)
    (data / "kb.db").touch()


def lose_the_log_and_the_lock(data: Path) -> None:
    """A copy that left out hidden files, and what was not in the first file yet."""
    lose_the_database(data)
    (data / ".lock").unlink()
    with closing(sqlite3.connect(data / "kb.db")) as new:
        new.execute("PRAGMA journal_mode=WAL")


DAMAGE: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "database gone": (lambda data, _: lose_the_database(data), f"{FILES} originals"),
    "database empty": (lambda data, _: empty_the_database(data), f"{FILES} originals"),
    "database without its log": (
        lambda data, _: lose_the_log_and_the_lock(data),
        f"{FILES} originals",
    ),
    "secret gone": (lambda data, _: (data / "secret.key").unlink(), "secret.key"),
    "secret empty": (lambda data, _: (data / "secret.key").write_text(""), "secret.key"),
    "secret cut": (lambda data, _: (data / "secret.key").write_text("ab" * 16), "secret.key"),
    "secret of another folder": (
        lambda data, foreign: shutil.copy(foreign / "secret.key", data),
        "secret.key",
    ),
    "admin key cut": (lambda data, _: (data / "admin.key").write_text("kbk_admin_1"), "admin.key"),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGE.values(), ids=DAMAGE)
def test_a_folder_that_lacks_a_file_does_not_start_and_stays_as_it_is(
    data, foreign, damage, named: str
):
    damage(data, foreign)
    before = files(data)
    said = refusal(data)
    assert named in said
    assert str(data) in said
    assert "kb restore" in said
    assert files(data) == before


def test_a_folder_is_whole_again_when_the_database_is_back(data):
    whole = {path: path.read_bytes() for path in database(data)}
    lose_the_database(data)
    assert f"{FILES} originals" in refusal(data, "fsck", "--repair")
    for path, content in whole.items():
        path.write_bytes(content)
    with running_server(data) as server:
        assert documents(server) == FILES
    assert (len(originals(data)), lost(data)) == (FILES, set())


@pytest.mark.parametrize("with_secret", [False, True], ids=["alone", "with its secret"])
def test_a_database_of_another_folder_does_not_start(data, foreign, with_secret: bool):
    lose_the_database(data)
    for path in [*database(foreign), *([foreign / "secret.key"] if with_secret else [])]:
        shutil.copy(path, data)
    before = files(data)
    assert "kb restore" in refusal(data)
    assert files(data) == before


def test_a_database_from_before_does_not_start(data, tmp_path):
    kept = [shutil.copy(path, tmp_path) for path in database(data)]
    server = start_server(data)
    with server.http as http:
        dataset = http.get("/v1/datasets").json()["data"][0]["id"]
        put(http, dataset, {"late.txt": "The late one."})
    server.kill()
    lose_the_database(data)
    for path in kept:
        shutil.copy(path, data)
    assert "older" in refusal(data)
    assert len(originals(data)) == FILES + 1


def test_who_goes_on_without_the_database_finds_every_original_in_lost(data):
    known = originals(data)
    lose_the_database(data)
    refusal(data)
    with running_server(data, "--as-is") as server, server.http as http:
        until(lambda: lost(data) == known)
        report = http.post("/v1/fsck").json()
        assert (report["documents"], report["clean"], report["lost"]) == (0, True, FILES)
        assert f"kb_lost_files {FILES}.0\n" in http.get("/metrics").text
        server.stop()
    assert str(data / "lost") in server.log.read_text()
    with running_server(data) as server:
        assert documents(server) == 0
    assert lost(data) == known


def test_originals_come_back_from_lost_with_the_database_that_needs_them(data, tmp_path):
    known = originals(data)
    kept = [shutil.copy(path, tmp_path) for path in database(data)]
    lose_the_database(data)
    with running_server(data, "--as-is") as server:
        until(lambda: lost(data) == known)
        server.kill()
    lose_the_database(data)
    for path in kept:
        shutil.copy(path, data)
    with running_server(data, "--as-is") as server:
        until(lambda: originals(data) == known)
        assert documents(server) == FILES
    assert lost(data) == set()


def test_who_goes_on_with_a_new_secret_is_told_what_no_longer_works(data):
    (data / "secret.key").unlink()
    with running_server(data, "--as-is") as server, server.http as http:
        assert documents(server) == FILES
        assert http.get("/v1/models/m").json()["has_api_key"] is False
        assert "secret.key" in server.log.read_text()
        document = http.get("/v1/datasets").json()["data"][0]["id"]
        found = http.post(f"/v1/datasets/{document}/search", json={"query": "Marker 3"})
        assert found.json()["hits"]
    with running_server(data) as server:
        assert documents(server) == FILES


def test_without_its_log_a_database_loses_rows_and_no_original(data):
    with running_server(data) as server:
        assert documents(server) == FILES
        server.stop()
    server = start_server(data)
    with server.http as http:
        dataset = http.get("/v1/datasets").json()["data"][0]["id"]
        put(http, dataset, {"late.txt": "The late one."})
    server.kill()
    (data / "kb.db-wal").unlink()
    assert "older" in refusal(data)
    with running_server(data, "--as-is") as server:
        until(lambda: len(lost(data)) == 1)
        assert documents(server) == FILES
    assert len(originals(data)) == FILES


def test_a_partial_upload_that_no_row_knows_is_kept_in_lost(data):
    (data / "uploads" / "upload_of_nobody").write_bytes(b"half of a file")
    with running_server(data) as server:
        until(lambda: "upload_of_nobody" in lost(data))
        assert documents(server) == FILES


def test_a_second_server_is_refused_though_the_lock_was_removed(data):
    with running_server(data):
        (data / ".lock").unlink()
        assert "already uses" in refusal(data)


def test_lost_originals_are_told_at_the_start_and_by_fsck(data):
    shutil.rmtree(data / "originals")
    with running_server(data) as server, server.http as http:
        report = http.post("/v1/fsck").json()
        assert {each["code"] for each in report["violations"]} == {"original_missing"}
        assert len(report["violations"]) == FILES
    assert "originals" in server.log.read_text()
