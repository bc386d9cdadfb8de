"""Gold texts, and what other readers make of the same files: plain pypdf, markitdown, trafilatura.

The others run in a process of their own, so that their packages need not be ours.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

OTHERS = ("pypdf", "markitdown", "trafilatura")

_SCRIPT = """
import contextlib, io, json, logging, os, sys
logging.disable(logging.CRITICAL)
out = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
def markitdown(path):
    from markitdown import MarkItDown
    return MarkItDown().convert(path).text_content
def trafilatura(path):
    if not path.endswith((".html", ".htm")):
        return None
    from trafilatura import extract
    return extract(open(path, "rb").read(), include_comments=False) or ""
def pypdf(path):
    if not path.endswith(".pdf"):
        return None
    from pypdf import PdfReader
    return "\\n".join(page.extract_text() for page in PdfReader(path).pages)
readers = {"markitdown": markitdown, "trafilatura": trafilatura, "pypdf": pypdf}
for line in sys.stdin:
    name, path = json.loads(line)
    try:
        text = readers[name](path)
    except ImportError:
        text = None
    except Exception:
        text = ""
    out.write(json.dumps(text) + "\\n")
    out.flush()
"""


def gold_text(path: Path) -> str | None:
    """The text that a file is known to hold, if it lies beside it.

    An empty one says that its maker read nothing (a scan, mostly), not that there is nothing.
    """
    beside = path.parent / "expected_outputs" / f"{path.stem}.md"
    if path.suffix == ".pdf" and beside.exists():
        return beside.read_text(encoding="utf-8").strip() or None
    page = path.parent / "expected.html"
    if path.name == "source.html" and page.exists():
        body = LexborHTMLParser(page.read_text(encoding="utf-8")).body
        return (body.text().strip() or None) if body is not None else None
    return None


def texts_by_others(paths: list[Path], python: str | None) -> dict[str, dict[Path, str]]:
    """Texts per reader and file; readers that are not installed are left out."""
    found: dict[str, dict[Path, str]] = {}
    pythons = {"pypdf": sys.executable, "markitdown": python, "trafilatura": python}
    for name in OTHERS:
        interpreter = pythons[name]
        if interpreter is None:
            continue
        asked = "".join(json.dumps([name, str(path)]) + "\n" for path in paths)
        done = subprocess.run(
            [interpreter, "-c", _SCRIPT],
            input=asked.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        texts = {path: text for path, text in zip(paths, answers, strict=True) if text is not None}
        if texts:
            found[name] = texts
    return found
