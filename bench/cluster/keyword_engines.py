"""Keywords in Postgres against the Tantivy copy of a node: time to fill, size, time of a question.

    python -m bench.cluster.keyword_engines [--folder FOLDER] [--chunks 100000] [--queries 200]

Both get our own terms (`kb/text/terms.py`), Postgres as a `tsvector` with their positions under a
GIN index, and are asked for any term of a question, 40 best first: Tantivy ranks by BM25, Postgres
by `ts_rank`, which does not know how rare a term is. How many of Tantivy's first ten are among
Postgres' first 40 is stated.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import psycopg

from bench.measuring import median, percentile, table, use_cores
from bench.search.filling import texts_of
from kb.index.keywords import TantivyKeywords
from kb.iteration import batched
from kb.protocols import IndexKey
from kb.text.terms import query_terms, terms
from tests.postgres import PostgresServer

KEY = IndexKey("bench", 1)
AT_ONCE = 4000
MOST_POSITIONS = 255
"""That Postgres keeps of a term."""
_BEST = """
SELECT id FROM chunks WHERE body @@ %(asked)s::tsquery
ORDER BY ts_rank(body, %(asked)s::tsquery, 1) DESC LIMIT 40
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Engines for keywords in a cluster.")
    parser.add_argument("--folder", type=Path, help="where the text is taken from")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    use_cores(2)
    texts = list(islice(texts_of(arguments.folder, random.Random(0)), arguments.chunks))
    questions = _questions(texts, arguments.queries)
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as other:
        copies = TantivyKeywords(Path(place), open_limit=1)
        began = time.perf_counter()
        copies.rebuild_beside(KEY, batched(_named(texts), AT_ONCE))
        filled_s = [time.perf_counter() - began]
        server = PostgresServer(Path(other))
        try:
            with psycopg.connect(server.url("postgres"), autocommit=True) as line:
                began = time.perf_counter()
                _fill(line, texts)
                filled_s.append(time.perf_counter() - began)
                report(copies, line, questions, filled_s, _bytes(Path(place)))
        finally:
            server.stop(kindly=True)
            copies.close()


def report(
    copies: TantivyKeywords,
    line: psycopg.Connection,
    questions: Sequence[str],
    filled_s: Sequence[float],
    size: int,
) -> None:
    """Ask both in turns and print."""
    times: tuple[list[float], list[float]] = ([], [])
    shared = 0
    for question in questions:
        asked = " | ".join(_quoted(term) for term in query_terms(question))
        began = time.perf_counter()
        ours = [hit.chunk_id for hit in copies.query(KEY, question, 40)]
        between = time.perf_counter()
        theirs = [row[0] for row in line.execute(_BEST, {"asked": asked})]
        times[0].append((between - began) * 1000)
        times[1].append((time.perf_counter() - between) * 1000)
        shared += len(set(ours[:10]) & set(theirs))
    (row,) = line.execute("SELECT pg_total_relation_size('chunks')")
    rows = [
        (
            name,
            f"{seconds:.0f}",
            f"{found / 1e6:.0f}",
            f"{median(own):.1f} / {percentile(own, 0.99):.1f}",
        )
        for name, seconds, found, own in zip(
            ("Tantivy", "Postgres"), filled_s, (size, row[0]), times, strict=True
        )
    ]
    print(table("Keywords", ("engine", "filled in s", "MB", "p50 / p99 ms"), rows))
    print(f"{shared / len(questions):.1f} of Tantivy's first 10 are among Postgres' first 40.")


def _fill(line: psycopg.Connection, texts: Sequence[str]) -> None:
    line.execute("CREATE TABLE chunks (id text PRIMARY KEY, body tsvector NOT NULL)")
    with line.cursor() as cursor, cursor.copy("COPY chunks FROM STDIN") as copy:
        for name, text in _named(texts):
            copy.write_row((name, _vector(terms(text))))
    line.execute("CREATE INDEX ON chunks USING gin (body)")
    line.execute("ANALYZE chunks")


def _vector(found: Sequence[str]) -> str:
    places: dict[str, list[str]] = {}
    for position, term in enumerate(found, start=1):
        places.setdefault(term, []).append(str(min(position, 16_383)))
    return " ".join(
        f"{_quoted(term)}:{','.join(own[:MOST_POSITIONS])}" for term, own in places.items()
    )


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _questions(texts: Sequence[str], count: int) -> list[str]:
    choose, found = random.Random(1), []
    while len(found) < count:
        words = choose.choice(texts).split()
        start = choose.randrange(max(1, len(words) - 8))
        found.append(" ".join(words[start : start + choose.randint(3, 8)]))
    return found


def _named(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((f"doc.1.1.{number}", text) for number, text in enumerate(texts))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
