"""An owner is alive as long as its process, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kb.files.owners import LockedOwner
from tests.server import ROOT


def test_owners_beside_each_other_are_alive_until_they_are_closed(tmp_path: Path):
    one, two = LockedOwner(tmp_path), LockedOwner(tmp_path)
    assert one.living() == two.living() == {one.id, two.id}
    two.close()
    assert one.living() == {one.id}
    one.close()
    assert list(tmp_path.iterdir()) == []


def test_an_owner_that_was_killed_is_dead_at_once(tmp_path: Path):
    code = (
        "import sys, pathlib; from kb.files.owners import LockedOwner; "
        "own = LockedOwner(pathlib.Path(sys.argv[1])); print(own.id, flush=True); sys.stdin.read()"
    )
    own = LockedOwner(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert own.living() == {own.id, name}
        child.kill()
    assert own.living() == {own.id}
    own.close()
