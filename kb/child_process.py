"""How a module of ours is started in a process of its own."""

from __future__ import annotations

import os
import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Run a module with this interpreter; neither the working folder nor bytecode matters to it."""
    return [sys.executable, "-P", "-B", "-m", module, *arguments]


def import_path() -> str:
    """The value of PYTHONPATH with which a child in any folder imports what this process does."""
    return os.pathsep.join(map(os.path.abspath, sys.path))
