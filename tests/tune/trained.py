"""What tests of training need: a base model that is none, rows, and a trainer that learns nothing.

The trainer runs as one does that has an environment of its own: `KB_TUNING__PYTHON` names a program
that takes a folder as its last argument.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kb.settings_sections import TuningSettings

SCRIPT = Path(__file__).with_name("scripted_trainer.py")
_TURNS = [("Question", "Yes."), ("What?", "No."), ("Who?", "Me."), ("When?", "Now.")]
ROWS = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": answer},
            ]
        }
    )
    + "\n"
    for asked, answer in _TURNS
)


def make_base(data_dir: Path, name: str = "tiny") -> None:
    """A folder that counts as a base model."""
    folder = data_dir / "tuning" / "bases" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


def scripted(folder: Path) -> TuningSettings:
    """Settings with a program in the folder that runs the scripted trainer."""
    program = folder / "trainer"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\nexec {sys.executable} {SCRIPT} "$last"\n')
    program.chmod(0o755)
    return TuningSettings(python=str(program))
