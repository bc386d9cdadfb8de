"""The data folder: one owner, its server's address, and secrets that only the owner reads."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import DataFolderLocked, Rejected
from kb.files.folder import DataFolder
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.access.secrets import Secrets, read_or_create


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def test_a_folder_has_one_owner_at_a_time(folder):
    with folder.lock(), pytest.raises(DataFolderLocked, match="Another process already uses"):
        DataFolder(folder.root).lock()
    folder.lock().close()


FOLDERS = ("originals", "uploads", "owners", "index", "models", "lost")
FILES = ("kb.db", "secret.key", "admin.key", "server.json", ".lock")


@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_a_file_where_a_folder_belongs_and_a_folder_where_a_file_does_are_named(folder, name):
    folder.root.mkdir()
    path = folder.root / name
    path.write_text("mine") if name in FOLDERS else path.mkdir()
    settings = Settings(data_dir=folder.root, embedding={"model": "hash"}, _env_file=None)

    with pytest.raises(Rejected, match=rf"cannot be used: .*{name}") as refused:
        open_kb(settings)
    assert "\n" not in str(refused.value)
    assert os.listdir(folder.root) in ([name], [".lock"], [".lock", name], [name, ".lock"])
    assert path.read_text() == "mine" if name in FOLDERS else path.is_dir()


LIMITED = """
import resource, sys
from kb.errors import StorageFailed
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.engine.database import note

LIMIT = 4_000_000
kb = open_kb(Settings(data_dir=sys.argv[1], embedding={"model": "hash"}, _env_file=None))
resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

def refused(write):
    try:
        write()
    except StorageFailed as exc:
        assert "ulimit -f" in exc.detail
        return True
    return False

assert refused(lambda: kb.originals.stage([b"x" * LIMIT, b"y"], max_bytes=2 * LIMIT))
assert any(refused(lambda: kb.database.writing(note, f"m{n}", "z" * 900_000)) for n in range(9))
assert kb.originals.stage([b"small"], max_bytes=9).size_bytes == 5
assert kb.database.reading(lambda tx: tx.exec_driver_sql("SELECT 1 FROM marks").first()) == (1,)
"""


def test_a_limit_of_the_size_of_files_is_named_and_costs_nothing(folder):
    command = [sys.executable, "-c", LIMITED, str(folder.root)]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    settings = Settings(data_dir=folder.root, embedding={"model": "hash"}, _env_file=None)
    kb = open_kb(settings)
    assert kb.fsck.run().is_clean
    kb.close()


def test_another_process_is_refused_and_told_where_the_server_is(folder):
    with folder.lock():
        folder.announce("http://127.0.0.1:8123")
        code = (
            "import sys; from pathlib import Path; from kb.files.folder import DataFolder;"
            "DataFolder(Path(sys.argv[1])).lock()"
        )
        command = [sys.executable, "-c", code, str(folder.root)]
        root = Path(__file__).resolve().parents[3]
        second = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert "DataFolderLocked" in second.stderr
    assert "http://127.0.0.1:8123" in second.stderr


def test_a_lock_dies_with_its_process(folder):
    code = (
        "import os, sys; from pathlib import Path; from kb.files.folder import DataFolder;"
        "held = DataFolder(Path(sys.argv[1])).lock(); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(folder.root)]
    killed = subprocess.run(command, cwd=Path(__file__).resolve().parents[3], check=False)
    assert killed.returncode == -9
    with folder.lock(), pytest.raises(DataFolderLocked):
        DataFolder(folder.root).lock()


def test_the_server_is_known_while_it_owns_the_folder(folder):
    assert folder.server() is None
    held = folder.lock()
    folder.announce("http://127.0.0.1:8123")
    server = DataFolder(folder.root).server()
    assert server is not None
    assert (server.url, server.pid) == ("http://127.0.0.1:8123", os.getpid())
    folder.withdraw()
    assert folder.server() is None
    held.close()


def test_a_server_that_was_killed_is_not_taken_for_a_running_one(folder):
    with folder.lock():
        folder.announce("http://127.0.0.1:8123")  # its number now belongs to this very process
    assert folder.server() is None


def test_a_new_owner_does_not_inherit_the_old_address(folder):
    with folder.lock():
        folder.announce("http://127.0.0.1:8123")
    with folder.lock():
        assert folder.server() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"url": "x", "pid": 0}'])
def test_a_damaged_announcement_names_no_server(folder, text):
    with folder.lock():
        (folder.root / "server.json").write_text(text)
        assert folder.server() is None


def test_looking_for_the_server_does_not_make_the_folder(folder):
    assert folder.server() is None
    assert not folder.root.exists()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Rejected, match="KB_DATA_DIR"):
        DataFolder(tmp_path / "file").lock()


def test_only_the_owner_reads_the_folder(kb: KnowledgeBase):
    assert stat.S_IMODE(kb.folder.root.stat().st_mode) == 0o700


@pytest.mark.one_folder
def test_only_the_owner_reads_the_secrets(kb: KnowledgeBase):
    for path in (kb.folder.secret, kb.folder.admin_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.one_folder
def test_the_admin_key_is_made_once_and_given_ones_go_before_it(settings: Settings):
    first = open_kb(settings)
    made = first.access.admin_key
    first.close()
    second = open_kb(settings)
    assert second.access.admin_key == made == second.folder.admin_key.read_text().strip()
    second.close()
    given = settings.model_copy(update={"admin_key": Settings(admin_key="mine" * 8).admin_key})
    third = open_kb(given)
    assert third.access.admin_key == "mine" * 8
    third.close()


@pytest.mark.parametrize("text", ["", "\n", "zzz", "\xe9", "ab" * 16, "xy" * 32])
def test_a_damaged_secret_is_refused_and_never_an_empty_one_used(tmp_path, text):
    path = tmp_path / "secret.key"
    path.write_text(text)
    with pytest.raises(Rejected, match=r"secret\.key"):
        Secrets.open(path)
    assert path.read_text() == text


def test_a_secret_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "secret.key"
    (tmp_path / "secret.new").write_text("half of one from a cra")
    assert read_or_create(path, lambda: "made") == "made"
    assert read_or_create(path, lambda: "more") == "made"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret.key"]


def test_what_was_sealed_is_opened_again_and_is_not_readable(tmp_path):
    vault = Secrets.open(tmp_path / "secret.key")
    sealed = vault.seal("provider-key")
    assert b"provider-key" not in sealed
    assert Secrets.open(tmp_path / "secret.key").unseal(sealed) == "provider-key"


def test_an_announcement_is_whole_or_absent(folder):
    with folder.lock():
        folder.announce("http://127.0.0.1:1")
        folder.announce("http://127.0.0.1:2")
        assert json.loads((folder.root / "server.json").read_text())["url"].endswith(":2")
        assert not list(folder.root.glob("*.new"))
