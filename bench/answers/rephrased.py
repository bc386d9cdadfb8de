"""Fixed answers for questions in other words: how many are recognised, and how many wrongly.

    python -m bench.answers.rephrased [SET ...] [--model bundled-en] [--show]

Every question of a set that its documents answer is fixed. Those of `rephrased.tsv` shall get the
answer of their own. The questions of the set, each while its own is left out, shall get none but an
equal one: some differ by a word from what is answered. Thresholds are chosen on `contrast` and
reported on `contrast_reported`.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

from bench.answers.__main__ import UNANSWERABLE
from bench.measuring import table
from kb.apps import reviewing
from kb.chat.ask.curated import AlikeQuestions
from kb.models.embed.embedders import open_embedder
from kb.store.engine.sqlite import SqliteDatabase

HERE = Path(__file__).parent
THRESHOLDS = (0.95, 0.85, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4)
LOOSEST = -9.0


def main() -> None:
    """Print a row for each set and threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=["contrast", "contrast_reported"])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--show", action="store_true", help="the wrong ones that are most alike")
    options = parser.parse_args()
    embedder = open_embedder(options.model, cache_dir=Path(), threads=0, batch_size=32)
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "kb.db")
        alike = AlikeQuestions(database, embedder)
        rows = [row for name in options.sets for row in measured(alike, name, options.show)]
        database.close()
        pairs = [(name, *grouped(alike, name)) for name in options.sets]
    print(table("Questions in other words", ("set", "from", "right", "wrong"), rows))
    print(table("Groups of the queue", ("set", "pairs of one question", "other pairs"), pairs))


def measured(alike: AlikeQuestions, name: str, is_shown: bool) -> list[tuple[object, ...]]:
    """A row for each threshold."""
    lines = (HERE / name / "questions.tsv").read_text("utf-8").splitlines()
    answers = {question: answer for answer, question in (line.split("\t", 1) for line in lines)}
    fixed = {question: answer for question, answer in answers.items() if answer != UNANSWERABLE}
    said = [line.split("\t") for line in (HERE / "rephrased.tsv").read_text("utf-8").splitlines()]
    again = [(query, fixed[own]) for kind, own, query in said if kind == name]
    scored = []
    for query, answer in (*again, *answers.items()):
        others = [(own, own, alike.vector_of(own)) for own in fixed if own != query]
        found = alike.most_alike(query, others, LOOSEST)
        own, score = found or ("", LOOSEST)
        scored.append((score, fixed.get(own) == answer, query, own))
    if is_shown:
        for score, _, query, own in sorted(each for each in scored if not each[1])[:-9:-1]:
            print(f"{score:.2f}  {query}  |  {own}")
    rows = []
    for least in THRESHOLDS:
        right = sum(is_right and score >= least for score, is_right, *_ in scored[: len(again)])
        wrong = sum(not is_right and score >= least for score, is_right, *_ in scored)
        rows.append((name, least, f"{right} of {len(again)}", f"{wrong} of {len(scored)}"))
    return rows


def grouped(alike: AlikeQuestions, name: str) -> tuple[str, int]:
    """Pairs that come into one group of the queue: of how many that ask the same, and others."""
    lines = (HERE / name / "questions.tsv").read_text("utf-8").splitlines()
    means = {line.split("\t", 1)[1]: line.split("\t", 1)[1] for line in lines}
    said = [line.split("\t") for line in (HERE / "rephrased.tsv").read_text("utf-8").splitlines()]
    means |= {query: own for kind, own, query in said if kind == name}
    joined: dict[str, str] = {}
    for query in means:
        others = [(own, own, alike.vector_of(own)) for own in sorted(set(joined.values()))]
        found = alike.most_alike(query, others, reviewing.LEAST, reviewing.A_WORD)
        joined[query] = found[0] if found else query
    pairs = list(combinations(means, 2))
    together = [means[a] == means[b] for a, b in pairs if joined[a] == joined[b]]
    same = sum(means[a] == means[b] for a, b in pairs)
    return f"{sum(together)} of {same}", len(together) - sum(together)


if __name__ == "__main__":
    main()
