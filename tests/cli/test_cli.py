"""The `kb` command, as a user types it: with a running server and without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import ServerProcess, environment, running_server

pytestmark = pytest.mark.slow  # every command is a process of its own

MOON = "# Moon\n\nThe moon rises over Ostrava at nine.\n"


def kb(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=environment(data_dir, **settings),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("cli") / "data") as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "moon.md").write_text(MOON)
    (folder / "deep" / "sun.txt").write_text("The sun sets at five.")
    (folder / ".hidden").write_text("Not to be sent.")
    return folder


def document_names(server: ServerProcess, dataset: str) -> set[str]:
    with server.http as http:
        found = http.get("/v1/datasets?limit=200").json()["data"]
        (dataset_id,) = [item["id"] for item in found if item["name"] == dataset]
        listed = http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
    return {item["name"] for item in listed}


def test_a_folder_is_ingested_under_relative_names_without_hidden_files(server, files):
    done = kb(server.data_dir, "ingest", str(files), "--dataset", "folder")
    assert (done.returncode, done.stdout) == (0, "2 ready, 0 failed\n")
    assert document_names(server, "folder") == {"moon.md", "deep/sun.txt"}


def test_every_file_that_fails_is_named_and_the_command_fails(server, files):
    (files / "packed.md").write_bytes(b"\x1f\x8b" + bytes(50))
    (files / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    done = kb(server.data_dir, "ingest", str(files), "--dataset", "mixed")
    assert (done.returncode, done.stdout) == (1, "2 ready, 2 failed\n")
    for name in ("packed.md", "broken.pdf"):
        assert f"  {name}: " in done.stderr
    report = kb(server.data_dir, "ingest", str(files), "--dataset", "mixed", "--json")
    assert report.returncode == 1
    told = json.loads(report.stdout)
    assert (told["ready"], told["unchanged"]) == (0, 2)
    assert {item["name"] for item in told["failed"]} == {"packed.md", "broken.pdf"}


def test_files_that_are_ready_with_the_same_bytes_are_not_sent_again(server, files):
    kb(server.data_dir, "ingest", str(files), "--dataset", "again")
    (files / "moon.md").write_text("Another text about the moon.")
    done = kb(server.data_dir, "ingest", str(files), "--dataset", "again")
    assert (done.returncode, done.stdout) == (0, "1 ready, 1 unchanged, 0 failed\n")


def test_a_path_that_does_not_exist_or_holds_nothing_is_refused_before_anything_is_sent(
    server, files, tmp_path
):
    (tmp_path / "empty").mkdir()
    for paths in ([str(files), str(tmp_path / "absent")], [str(tmp_path / "empty")]):
        done = kb(server.data_dir, "ingest", *paths, "--dataset", "never")
        assert done.returncode == 1
        assert done.stderr.startswith("kb: There ")


def test_two_files_that_would_get_one_name_are_refused(server, files):
    paths = [str(files / "moon.md"), str(files)]
    same = kb(server.data_dir, "ingest", *paths, "--dataset", "twice")
    (files / "deep" / "moon.md").write_text("Another moon.")
    paths = [str(files / "moon.md"), str(files / "deep" / "moon.md")]
    other = kb(server.data_dir, "ingest", *paths, "--dataset", "twice")
    assert (same.returncode, other.returncode) == (1, 1)
    assert "would both be the document 'moon.md'" in other.stderr


def test_a_file_name_that_is_no_text_is_sent_as_one(server, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md"))).write_text("Some text.")
    done = kb(server.data_dir, "ingest", str(folder), "--dataset", "odd")
    assert (done.returncode, done.stdout) == (0, "1 ready, 0 failed\n"), done.stderr
    assert document_names(server, "odd") == {"caf\ufffd.md"}


def test_a_question_is_answered_with_numbered_sources(server, files):
    kb(server.data_dir, "ingest", str(files), "--dataset", "asked")
    with server.http as http:
        found = http.get("/v1/datasets?limit=200").json()["data"]
        (dataset_id,) = [item["id"] for item in found if item["name"] == "asked"]
        http.post("/v1/apps", json={"slug": "sky", "name": "Sky"})
        http.put("/v1/apps/sky/draft", json={"dataset_ids": [dataset_id]})
        http.post("/v1/apps/sky/publish")
    for arguments in ((), ("--app", "sky"), ("--route", "base")):
        done = kb(server.data_dir, "ask", "When does the moon rise over Ostrava?", *arguments)
        assert done.returncode == 0, done.stderr
        answer, source = done.stdout.strip().splitlines()
        assert "at nine" in answer
        assert source == "[1] moon.md, page 1"
        assert "extractive" in done.stderr


def test_a_question_that_cannot_be_asked_is_one_line(server):
    for arguments in (("x", "--app", "absent"), ("", "--app", "sky"), ("x", "--route", "north")):
        done = kb(server.data_dir, "ask", *arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("kb: ")
        assert len(done.stderr.splitlines()) == 1


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(server):
    made = kb(server.data_dir, "keys", "create", "--kind", "admin", "--name", "mine")
    token = made.stdout.strip()
    with running_client(server, token) as http:
        assert http.get("/v1/keys").status_code == 200
    listed = kb(server.data_dir, "keys", "list")
    assert token.split("_")[3] not in listed.stdout
    key_id = token.split("_")[2]
    assert key_id in listed.stdout
    rotated = kb(server.data_dir, "keys", "rotate", key_id, "--grace", "60").stdout.strip()
    for secret in (token, rotated):
        with running_client(server, secret) as http:
            assert http.get("/v1/keys").status_code == 200
    again = kb(server.data_dir, "keys", "rotate", key_id).stdout.strip()
    for secret, status in ((token, 401), (rotated, 401), (again, 200)):
        with running_client(server, secret) as http:
            assert http.get("/v1/keys").status_code == status
    assert kb(server.data_dir, "keys", "revoke", key_id).returncode == 0
    with running_client(server, again) as http:
        assert http.get("/v1/keys").status_code == 401
    again = kb(server.data_dir, "keys", "revoke", key_id)
    assert (again.returncode, again.stdout) == (1, "")


def running_client(server: ServerProcess, token: str):
    http = server.http
    http.headers["authorization"] = f"Bearer {token}"
    return http


def test_what_a_dataset_may_hold_is_set_and_shown(server):
    server.http.post("/v1/datasets", json={"name": "limited"})
    assert kb(server.data_dir, "datasets", "quota", "limited", "documents=5").returncode == 0
    done = kb(server.data_dir, "datasets", "quota", "limited", "size_bytes=100", "documents=")
    assert json.loads(done.stdout)["quota"] == {
        "size_bytes": 100,
        "documents": None,
        "uploads_per_day": None,
        "open_uploads": None,
    }
    assert json.loads(done.stdout)["used"]["documents"] == 0
    for wrong in ("documents", "documents=many", "pages=3"):
        refused = kb(server.data_dir, "datasets", "quota", "limited", wrong)
        assert refused.returncode != 0
        assert wrong.partition("=")[0] in refused.stderr


def test_usage_is_shown_by_what_is_asked_for(server):
    made = server.http.post("/v1/datasets", json={"name": "used"}).json()
    app = server.http.post("/v1/apps", json={"slug": "used", "name": "Used"}).json()
    server.http.put("/v1/apps/used/draft", json={"dataset_ids": [made["id"]]})
    server.http.post("/v1/apps/used/publish")
    asked = {"query": "Is it used?", "user": "anna", "stream": False}
    assert server.http.post("/v1/apps/used/chat", json=asked).status_code == 200
    budget = {"of": "app", "id": "used", "amount": 5}
    assert server.http.put("/v1/budgets", json=budget).status_code == 200

    done = kb(server.data_dir, "usage", "--by", "user", "--app", "used")
    assert done.stdout.startswith("name=anna  answers=1  cost=0")
    assert app["id"] not in done.stdout  # its budget is not nearly used up
    told = kb(server.data_dir, "usage", "--by", "app", "--app", "used", "--json")
    assert [row["name"] for row in json.loads(told.stdout)["data"]] == [app["id"]]
    wrong = kb(server.data_dir, "usage", "--since", "yesterday")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "since" in wrong.stderr


def test_all_browsers_are_signed_out_by_a_command(server):
    browser = httpx.Client(base_url=server.url)
    assert browser.post("/login", json={"key": server.key}).status_code == 204
    assert browser.get("/v1/session").status_code == 200

    assert kb(server.data_dir, "keys", "end-sessions").returncode == 0

    assert browser.get("/v1/session").status_code == 401


def test_fsck_reports_through_the_running_server(server):
    done = kb(server.data_dir, "fsck", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["clean"] is True


def test_without_a_server_a_command_opens_the_folder_itself(tmp_path, files):
    data = tmp_path / "data"
    done = kb(data, "ingest", str(files), "--dataset", "d", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"] == 2
    assert not (data / "server.json").exists()

    lost = next(path for path in (data / "originals").glob("??/*"))
    lost.unlink()
    broken = kb(data, "fsck")
    assert broken.returncode == 1
    assert broken.stderr.startswith("original_missing: ")
    assert broken.stdout == "2 documents, 2 chunks: 1 violations\n"


def test_an_unknown_setting_or_an_impossible_value_is_one_line(tmp_path):
    for name, value in (("KB_FOO", "1"), ("KB_SERVER__PORT", "many"), ("KB_CHROMA__URL", "x")):
        done = kb(tmp_path / "data", "fsck", **{name: value})
        assert done.returncode == 1
        assert done.stderr.startswith("kb: ")
        assert name in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_a_worker_of_one_folder_is_refused_by_the_settings_it_lacks(tmp_path):
    done = kb(tmp_path / "data", "worker")
    assert done.returncode == 1
    for name in ("KB_DATABASE__URL", "KB_CHROMA__URL", "KB_BLOBS__URL"):
        assert name in done.stderr


def test_a_wrong_option_is_a_usage_error(tmp_path):
    assert kb(tmp_path / "data", "ingest").returncode == 2
    assert kb(tmp_path / "data", "nonsense").returncode == 2


def test_a_command_finds_a_server_with_a_key_of_its_own_only_if_it_has_it(tmp_path):
    data, key = tmp_path / "data", "sesame-open-the-door-of-the-cave"
    with running_server(data, KB_ADMIN_KEY=key):
        refused = kb(data, "keys", "list")
        assert refused.returncode == 1
        assert "KB_ADMIN_KEY" in refused.stderr
        assert kb(data, "keys", "list", KB_ADMIN_KEY=key).returncode == 0


def test_a_server_that_was_killed_is_not_waited_for(tmp_path, files):
    data = tmp_path / "data"
    with running_server(data) as server:
        server.kill()
    assert (data / "server.json").exists()
    done = kb(data, "ingest", str(files), "--dataset", "d")
    assert (done.returncode, done.stdout) == (0, "2 ready, 0 failed\n"), done.stderr


@pytest.mark.parametrize("command", [("worker",), ("serve", "--no-ingest")])
def test_a_process_that_needs_others_is_refused_with_a_data_folder_alone(command, tmp_path):
    done = kb(tmp_path / "data", *command)
    assert done.returncode == 1
    assert f"`kb {' '.join(command)}` is for several processes" in done.stderr
    assert "KB_DATABASE__URL" in done.stderr
    assert not (tmp_path / "data").exists()
