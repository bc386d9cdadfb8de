"""Background threads rank behind those that answer, and so does what they start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kb.background import NICENESS, start_background


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_a_background_thread_and_its_children_are_nicer_and_the_others_stay_as_they_are():
    own = os.nice(0)
    seen: list[int] = []

    def work() -> None:
        command = [sys.executable, "-c", "import os; print(os.nice(0))"]
        seen.append(int(subprocess.run(command, capture_output=True, check=True).stdout))

    start_background(work, "background").join()

    assert seen == [max(own, NICENESS)]
    assert os.nice(0) == own
