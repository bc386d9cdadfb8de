"""A `tesseract` command that says the same of every picture: it proves the wiring only."""

from __future__ import annotations

from pathlib import Path

WORDS = "A pump moves water."


def put_on_path(folder: Path, path: str, *, languages: str = "eng", says: str = WORDS) -> str:
    """Write the command into a folder; returns the search path with the folder in front.

    It refuses anything that is not a picture, and languages that it does not list.
    """
    command = folder / "tesseract"
    command.write_text(
        f"""#!/bin/sh
case "$1" in
--version) echo "tesseract 9.8.7" ;;
--list-langs) echo "List of available languages (1):"; printf '%s\\n' {languages} ;;
*) head -c 4 | grep -q -a -e PNG -e P5 || exit 1; cat > /dev/null; printf '%s\\n\\f' "{says}" ;;
esac
"""
    )
    command.chmod(0o755)
    return f"{folder}:{path}"
