"""Finding the right passage: our search against six baselines, on the same files and questions.

    python -m bench.retrieval DATA_FOLDER [--sets squad_dev …] [--questions 300] [--keep DIR]
    python -m bench.retrieval DATA_FOLDER --embedders bundled bundled-en …

DATA_FOLDER holds one folder per set, in a form that `bench/question_sets` reads. Ours is the
whole product: files are uploaded, read, cleaned, split and indexed, and asked through the searcher
with its defaults. The baselines are LlamaIndex's (`bench/retrieval/baselines.py`) on the same
texts with the same embedder. Only questions are asked whose answer stands in the documents.

- **recall within 1,000 tokens**: whether the answer stands in the hits' texts up to 1,000 tokens of
  the embedder's tokenizer, the last hit cut; where only documents are known to be right
  (cranfield), whether one of them is among those hits;
- **recall@1**: the same within the first hit alone, whatever its size, which stands beside it.

Differences to the best baseline of a set are bootstrapped over questions, paired.
`--keep` leaves data folders and vectors in DIR for the next time. With `--embedders` our search
with the first of them stands against our search with each other one, and no baseline is needed.
Questions are asked of all sides in turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.measuring import Clock, percentile, table, use_cores, verdict
from bench.question_sets import load
from bench.question_sets.findable import findable
from bench.question_sets.parts import part_of
from bench.retrieval.baselines import baselines
from bench.retrieval.ours import ask, ingested, opened, texts
from eval.metrics import tokens
from eval.metrics.answers import answer_in, answer_recall, within
from eval.metrics.intervals import paired_bootstrap
from eval.types import FoundPassage, Question, QuestionSet
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.embedders import BUNDLED
from kb.types import Retrieval

SETS = (
    "squad_dev",
    "multihop",
    "kg_rag_sec10q",
    "cranfield",
    "cmrc2018",
    "sanguo",
    "laws_zh",
    "jsquad",
)
OURS = "ours"
Retriever = Callable[[str], Sequence[FoundPassage]]
TOP_K = 20
"""Enough to fill 1,000 tokens."""
GOAL_CUT = 0.20
"""Share of the best baseline's misses that ours is to avoid, on average."""

MEASURES = ("recall within 1,000 tokens", "recall@1")


@dataclass(frozen=True, slots=True)
class Scores:
    """One value in 0..1 per question, the mean size of the first hit in tokens, seconds a search
    by the clock and by processor time."""

    within: list[float]
    first: list[float]
    first_tokens: float
    seconds: list[float]
    cpu_s: list[float]

    def speed(self) -> str:
        """Milliseconds a search."""
        middle, slow = (1000 * percentile(self.seconds, share) for share in (0.5, 0.99))
        return f"{middle:.1f} / {slow:.1f} ({1000 * percentile(self.cpu_s, 0.5):.1f})"

    def of(self, measure: str) -> list[float]:
        """The values of one of `MEASURES`."""
        return self.within if measure == MEASURES[0] else self.first


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side found for a question, and the time that took."""

    question: Question
    hits: Sequence[FoundPassage]
    seconds: float
    cpu_s: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Retrieval against six baselines.")
    parser.add_argument("data", type=Path, help="folder with the question sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--questions", type=int, default=300, help="most questions of one set")
    parser.add_argument("--characters", type=int, default=10**9, help="most of one set's documents")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="reuse and keep data folders and vectors here")
    parser.add_argument("--json", type=Path, help="write every question's scores here")
    parser.add_argument("--embedders", nargs="+", default=(), help="our search with each of these")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    found: dict[str, dict[str, Scores]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.keep or Path(folder)
        for name in arguments.sets:
            with ExitStack() as stack:
                questions = part_of(load(arguments.data / name), arguments.characters)
                told = findable(questions)
                whole = told if told.questions else questions
                asked = whole.sample(arguments.questions).questions
                sides = _sides(stack, root, questions, arguments)
                found[name] = measured(sides, asked)
            count = len(next(iter(found[name].values())).within)
            print(f"{name}: {count} questions asked", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(found, default=asdict))
    for measure in MEASURES:
        report(measure, found)
    report_speed(found)


def _sides(
    stack: ExitStack, root: Path, questions: QuestionSet, arguments: argparse.Namespace
) -> dict[str, Retriever]:
    """The first is what all others are compared with."""

    def ours(folder: Path, embedder: str = BUNDLED) -> tuple[KnowledgeBase, str, Retriever]:
        kb = stack.enter_context(opened(folder / questions.name, arguments.cores, embedder))
        dataset = ingested(kb, questions)
        return kb, dataset, lambda query: ask(kb, dataset, query, Retrieval(top_k=TOP_K))

    if arguments.embedders:
        return {name: ours(root / name, name)[2] for name in arguments.embedders}
    kb, dataset, retriever = ours(root)
    cache = root / "vectors" / questions.name
    return {OURS: retriever, **baselines(texts(kb, dataset), kb.embedder, cache)}


def measured(sides: Mapping[str, Retriever], asked: Sequence[Question]) -> dict[str, Scores]:
    """Every side's scores on the same questions, which are asked of them in turn."""
    answers: dict[str, list[Answer]] = {name: [] for name in sides}
    for question in asked:
        for name, retrieve in sides.items():
            clock = Clock()
            hits = retrieve(question.text)
            clock.stop()
            answers[name].append(Answer(question, hits, clock.seconds, clock.cpu_s()))
    return {name: scored(own) for name, own in answers.items()}


def scored(answers: Sequence[Answer]) -> Scores:
    """The scores of one side."""
    budgeted = [_within_budget(each.question, each.hits) for each in answers]
    first = [_in_first(each.question, each.hits[:1]) for each in answers]
    sizes = [len(tokens.offsets(each.hits[0].text)) for each in answers if each.hits]
    seconds, cpu_s = [each.seconds for each in answers], [each.cpu_s for each in answers]
    return Scores(budgeted, first, sum(sizes) / max(1, len(sizes)), seconds, cpu_s)


def _within_budget(question: Question, hits: Sequence[FoundPassage]) -> float:
    passages = [hit.text for hit in hits]
    if question.answers:
        return answer_recall(passages, question.answers, offsets=tokens.offsets, need=question.need)
    budget = answer_recall.__kwdefaults__["tokens"]
    return _documents(question, hits[: len(list(within(passages, budget, tokens.offsets)))])


def _in_first(question: Question, hits: Sequence[FoundPassage]) -> float:
    if question.answers:
        return answer_in([hit.text for hit in hits], question.answers, need=question.need)
    return _documents(question, hits)


def _documents(question: Question, hits: Sequence[FoundPassage]) -> float:
    right = {part.document for part in question.relevant}
    return float(any(hit.document in right for hit in hits))


def report(measure: str, found: dict[str, dict[str, Scores]]) -> None:
    """One line per set, and the goals."""
    rows, cuts, worse = [], [], []
    for name, sides in found.items():
        means = {side: _mean(scores.of(measure)) for side, scores in sides.items()}
        ours, *others = sides
        best = max(others, key=lambda side: means[side])
        change = paired_bootstrap(sides[best].of(measure), sides[ours].of(measure))
        if change.high < 0:
            worse.append(name)
        if means[best] < 1:
            cuts.append(change.mean / (1 - means[best]))
        cells = [f"{mean:.3f}" for mean in means.values()]
        sizes = f"{sides[ours].first_tokens:.0f} / {sides[best].first_tokens:.0f}"
        cut = f"{cuts[-1]:+.0%}" if means[best] < 1 else ""
        rows.append([name, *cells, f"{change.low:+.3f} … {change.high:+.3f}", cut, sizes])
    difference = ("first - best other, 95 %", "misses cut", "first tok")
    columns = ("set", *next(iter(found.values())), *difference)
    print(table(f"{measure[0].upper()}{measure[1:]}", columns, rows))
    goals = [
        ("significantly below the best on", ", ".join(worse) or "no set", verdict(not worse)),
        ("misses cut, mean", f"{_mean(cuts):+.0%}", verdict(_mean(cuts) >= GOAL_CUT)),
    ]
    print(table("Goals", ("what", "measured", ""), goals))


def report_speed(found: dict[str, dict[str, Scores]]) -> None:
    """One line per set: what a search takes on each side."""
    rows = [[name, *(side.speed() for side in sides.values())] for name, sides in found.items()]
    title = "A search: ms p50 / p99 (processor time, p50), the question's embedding included"
    print(table(title, ("set", *next(iter(found.values()))), rows))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    main()
