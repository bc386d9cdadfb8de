"""How sure a mean is, and whether a difference is more than chance: the bootstrap, seeded.

A difference is judged over the same questions on both sides: pairing takes the difficulty of the
questions out, so much smaller differences can be seen than by comparing two intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLES = 2000
_AT_ONCE = 4_000_000
"""Drawn values held in memory at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """A mean of paired differences, its 95 % interval, and the chance of seeing as much by luck."""

    mean: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, samples: int = SAMPLES, level: float = 0.95
) -> Interval:
    """The mean of per-question values with its percentile bootstrap interval.

    Raises:
        ValueError: there are no values.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    means = _means(values, seed, samples)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))


def paired_bootstrap(
    before: Sequence[float], after: Sequence[float], *, seed: int = 0, samples: int = SAMPLES
) -> MeanDifference:
    """after - before over the same questions, in the same order.

    `p_value` is two-sided: twice the share of resamples in which the difference lies on the other
    side of 0 (or at it), counted with one added, so it is never 0; 1 if nothing differs.

    Raises:
        ValueError: the two differ in length, or are empty.

    Source:
        Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006; Davison and
        Hinkley, "Bootstrap Methods and their Application", 1997, 4.2.5 for the added one.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    means = _means(differences, seed, samples)
    low, high = np.quantile(means, [0.025, 0.975])
    other_side = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p_value = min(1.0, 2 * (other_side + 1) / (samples + 1))
    return MeanDifference(float(np.mean(differences)), float(low), float(high), p_value)


def mcnemar(gained: int, lost: int) -> float:
    """The chance of seeing as uneven a split by luck, of the pairs that differ: exact, two-sided.

    Args:
        gained: questions that only the one side got right.
        lost: those that only the other did.

    Source:
        McNemar, "Note on the sampling error of the difference between correlated proportions",
        Psychometrika 1947, in its exact form: the binomial (sign) test of the pairs that differ.
    """
    pairs = gained + lost
    tail = sum(math.comb(pairs, count) for count in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / 2**pairs))


def _means(values: Sequence[float], seed: int, samples: int) -> npt.NDArray[np.float64]:
    if not values:
        raise ValueError("A mean needs at least one value.")
    data = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    means = np.empty(samples)
    rows = max(1, _AT_ONCE // len(data))
    for start in range(0, samples, rows):
        count = min(rows, samples - start)
        drawn = random.integers(0, len(data), size=(count, len(data)))
        means[start : start + count] = data[drawn].mean(axis=1)
    return means
