"""The script that installs a lock file, with the real pip and without an index."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "install.py"


def installing(folder: Path, *pins: str) -> subprocess.CompletedProcess[str]:
    lock = folder / "some.lock"
    lock.write_text("\n".join(["# About 3 MB on disk.", *pins]))
    command = [sys.executable, str(SCRIPT), str(lock), "--no-deps", "--no-index"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_is_said_or_done_when_every_package_is_there(tmp_path):
    run = installing(tmp_path, f"NumPy=={version('numpy')}")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_what_is_missing_is_counted_and_what_pip_says_of_a_failure_is_shown(tmp_path):
    run = installing(tmp_path, f"numpy=={version('numpy')}", "no-such-package==1.0", "nor-this==2")
    assert run.returncode == 1
    assert "Installing 2 packages" in run.stdout
    assert "bout 3 MB on disk" in run.stdout
    assert "No matching distribution found for no-such-package==1.0" in run.stderr
