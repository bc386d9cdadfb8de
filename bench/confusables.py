"""Writes the table of look-alike characters that the prompt gate folds.

    python -m bench.confusables confusables.json > kb/chat/guard/confusables.txt

The file is Unicode's own list of confusables (UTS 39, `confusables.txt`) as the package
`confusable-homoglyphs` carries it. What stays is every single character that looks like an ASCII
letter or digit and that folding by Unicode's own rules (NFKD, case) does not already turn into it:
one line of those characters, and one line of what each looks like.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path


def main() -> None:
    """Print the two lines."""
    known = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    table: dict[str, str] = {}
    for letter in filter(str.isalnum, map(chr, range(128))):
        for entry in known.get(letter, ()):
            folded = unicodedata.normalize("NFKD", entry["c"].casefold())
            if len(folded) == 1 and folded.isalnum() and not folded.isascii():
                table.setdefault(folded, letter.lower())
    print("".join(sorted(table)))
    print("".join(table[character] for character in sorted(table)))


if __name__ == "__main__":
    main()
