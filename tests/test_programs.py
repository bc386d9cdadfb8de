"""The rules of `tests/programs.py`, tried on a run of their own."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.programs import PROGRAMS
from tests.server import ROOT

SKIPPING = """
import shutil, pytest

def test_skips():
    pytest.skip("no reason that is listed")

@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail():
    assert False

@pytest.mark.needs("strace")
def test_needs_a_program():
    assert shutil.which("strace")
"""


def test_a_test_that_does_not_say_what_it_needs_finds_no_optional_program():
    assert [name for name in PROGRAMS if shutil.which(name)] == []
    assert shutil.which("sh")


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_skip_that_is_not_listed_fails(tmp_path, processes):
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "test_whole_file.py").write_text("import pytest\npytest.importorskip('absent')\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.programs", f"-n{processes}"]
    options = ["--programs=none", "--continue-on-collection-errors", "-W", "ignore"]

    ended = subprocess.run(
        [*command, *options, f"--rootdir={tmp_path}", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    for reason in ("no reason that is listed", "known", "could not import", "strace is not inst"):
        assert f"skips.txt does not allow: {reason}" in ended.stdout
