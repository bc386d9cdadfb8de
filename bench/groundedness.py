"""Which sentences `kb.chat.run.groundedness` flags, by the share of words that a source must hold.

    python -m bench.groundedness FILE.json…

Files of the RGB benchmark (one JSON object a line, with several passages that state the same fact
as `positive`). The first passage of a question serves as the answer. *Own* are its sentences
against the other passages of that question, which say the same in other words; *other* are the
same sentences against the passages of the next question, which do not. A good threshold flags few
of the first and most of the second.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import table
from kb.chat.run import groundedness
from kb.text.sentences import sentence_extents
from kb.types import Chunk, Hit, Source, Span

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def main() -> None:
    """Print a row for each file and share."""
    parser = argparse.ArgumentParser(description="Flagged sentences by threshold.")
    parser.add_argument("files", nargs="+", type=Path)
    rows = [row for path in parser.parse_args().files for row in _rows(path)]
    print(table("Flagged sentences", ("set", "sentences", "share", "own", "other"), rows))


def _rows(path: Path) -> Iterator[tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["positive"] for line in lines if line.strip()]
    passages = [[str(part) for part in question] for question in questions if len(question) > 1]
    answers = [first for first, *_ in passages]
    sources = [[_source(n, text) for n, text in enumerate(rest, 1)] for _, *rest in passages]
    total = sum(len(sentence_extents(answer)) for answer in answers)
    for share in SHARES:
        groundedness.LEAST_SHARE = share
        own = _flagged(answers, sources)
        other = _flagged(answers, sources[1:] + sources[:1])
        yield path.stem, str(total), f"{share}", f"{own / total:.3f}", f"{other / total:.3f}"


def _flagged(answers: Sequence[str], sources: Sequence[Sequence[Source]]) -> int:
    pairs = zip(answers, sources, strict=True)
    return sum(len(groundedness.ungrounded_sentences(text, (), own)) for text, own in pairs)


def _source(n: int, text: str) -> Source:
    chunk = Chunk(f"c{n}", f"d{n}", 0, (Span(1, 0, len(text)),), text, "", text)
    return Source(n, Hit(chunk, "set", f"{n}.md", 1.0, {}))


if __name__ == "__main__":
    main()
