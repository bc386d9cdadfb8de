"""The calibration of the bundled embedders, made anew and laid beside the one that is shipped.

    python -m bench.calibration DATA_FOLDER [--sets squad_dev …] [--also FOLDER …] [--keep DIR]

- **anchors**: what unrelated and related sentences are to an embedder, by language
  (`kb/models/embed/anchors.py`), beside the ends of its scale;
- **constants**: a logistic regression on the signals of searches (`kb/search/scoring.py`) over
  public sets of prose and statutes, of which documents are left out, and the first set of
  `bench.answers` (handbooks in English and Chinese, codes, releases, site sheets, tables, questions
  and answers), which weighs as five of them;
- **curve**: the share of what the documents answer that scores below a threshold, and of the rest
  that scores at least as much, by the shipped constants and by the fitted ones, over questions and
  sets that the fit has not seen (and `harbour`, which it has).

Questions across languages are no part of it (`Calibration.alone`); what the answerer doubts beyond
the score is in `bench.answers`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.answers.__main__ import SETS as COMPANY_SETS
from bench.calibration.asked import Asked, of_company, of_left_out
from bench.measuring import table, use_cores
from bench.retrieval.ours import opened
from kb.models.embed.anchors import PAIRS, far_and_near
from kb.models.embed.embedders import BUNDLED, ENGLISH
from kb.protocols import Calibration, Embedder, Vectors
from kb.search.scoring import MOST_BM25, SURE_SCORE, WEAK_SCORE, Signals

SETS = ("squad_dev", "multihop", "cmrc2018", "jsquad", "laws_zh")
COMPANIES, FITTED_COMPANY = Path(__file__).parents[1] / "answers", "harbour"
COMPANY_WEIGHT = 5.0
WEIGHTS = ("bm25", "window", "pairs", "meaning", "identifier", "unknown")
THRESHOLDS = (0.05, 0.1, WEAK_SCORE, 0.25, 0.4, 0.5, SURE_SCORE, 0.8)
RIDGE = 1e-4
STEPS = 50

Sets = Mapping[str, Sequence[Asked]]


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(description="The calibration of the bundled embedders.")
    parser.add_argument("data", type=Path, help="folder with the question sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--also", nargs="+", type=Path, default=[], help="folders of further sets")
    parser.add_argument("--embedders", nargs="+", default=[BUNDLED, ENGLISH])
    parser.add_argument("--questions", type=int, default=150, help="most of one kind of one set")
    parser.add_argument("--characters", type=int, default=250_000, help="most of one set")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="reuse and keep data folders here")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    sources = [arguments.data / name for name in arguments.sets] + arguments.also
    with tempfile.TemporaryDirectory() as folder:
        for embedder in arguments.embedders:
            root = (arguments.keep or Path(folder)) / "calibration" / embedder
            _calibrate(embedder, root, sources, arguments)


def _calibrate(
    name: str, root: Path, sources: Sequence[Path], arguments: argparse.Namespace
) -> None:
    with opened(root, arguments.cores, name) as kb:
        limits = {"characters": arguments.characters, "count": arguments.questions}
        public = {source.name: of_left_out(kb, source, **limits) for source in sources}
        companies = {each: of_company(kb, COMPANIES / each) for each in COMPANY_SETS}
        shipped = kb.embedder.calibration
        print(table(f"{name}: anchors", _ANCHORS, list(_anchors(kb.embedder))))
    halves = {each: asked[::2] for each, asked in public.items()}
    found = fitted({**halves, FITTED_COMPANY: companies[FITTED_COMPANY]}, shipped)
    rows = [
        (each, f"{getattr(shipped, each):.2f}", f"{getattr(found, each):.2f}")
        for each in ("base", *WEIGHTS)
    ]
    print(table(f"{name}: constants", ("weight", "shipped", "fitted"), rows))
    unseen = {**{each: asked[1::2] for each, asked in public.items()}, **companies}
    for title, known in (("shipped", shipped), ("fitted", found)):
        columns = ("set", "asked", "ranked right", *(f"{each:g}" for each in THRESHOLDS))
        rows = list(_curve(unseen, known))
        print(table(f"{name}, {title}: false refusals / wrongly answered below", columns, rows))


_ANCHORS = ("language", "far", "near", "shipped far", "shipped near")


def _anchors(embedder: Embedder) -> Iterator[tuple[str, ...]]:
    known = embedder.calibration

    def documents(texts: Sequence[str]) -> Vectors:
        return embedder.embed_documents(list(texts))

    for language, pairs in PAIRS.items():
        far, near = far_and_near(embedder.embed_query, documents, lambda _: 1.0, {language: pairs})
        shift = known.shifts.get(language, 0.0)
        ends = (far, near, known.far + shift, known.near + shift)
        yield language, *(f"{end:.3f}" for end in ends)


def fitted(sets: Sets, shipped: Calibration) -> Calibration:
    """Logistic regression, each set and each of its two sides with the same weight.

    Source: iteratively reweighted least squares, Hastie et al., "The Elements of Statistical
    Learning", 2009, section 4.4.1.
    """
    rows, labels, weights = [], [], []
    for name, asked in sets.items():
        told = [item for item in asked if item.signals and not item.signals.is_across]
        for is_there in (True, False):
            side = [item.signals for item in told if item.is_there == is_there]
            rows += [[1.0, *_values(signals)] for signals in side if signals]
            labels += [float(is_there)] * len(side)
            whole = COMPANY_WEIGHT if name == FITTED_COMPANY else 1.0
            weights += [whole / len(side)] * len(side)
    inputs, wanted, weighed = (np.array(part) for part in (rows, labels, weights))
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weighed * (wanted - likely)) - RIDGE * found
        curved = (inputs * (weighed * likely * (1 - likely))[:, None]).T @ inputs
        found += np.linalg.solve(curved + RIDGE * np.eye(len(found)), slope)
    return replace(shipped, **dict(zip(("base", *WEIGHTS), found.tolist(), strict=True)))


def _values(signals: Signals) -> list[float]:
    bm25, *others = (float(getattr(signals, name)) for name in WEIGHTS)
    return [min(bm25, MOST_BM25), *others]


def _curve(sets: Sets, known: Calibration) -> Iterator[list[str]]:
    for name, asked in sets.items():
        there, strange = (
            np.array([item.score(known) for item in asked if item.is_there == side])
            for side in (True, False)
        )
        right = (there[:, None] > strange[None]).mean() if len(there) and len(strange) else np.nan
        shares = [f"{_share(there < t)} / {_share(strange >= t)}" for t in THRESHOLDS]
        yield [name, f"{len(there)} / {len(strange)}", f"{right:.3f}", *shares]


def _share(held: np.ndarray) -> str:
    return f"{held.mean():.2f}" if len(held) else "-"


if __name__ == "__main__":
    main()
