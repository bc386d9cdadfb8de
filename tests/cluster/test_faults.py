"""Each part of a cluster fails at a random moment: what was acknowledged is there, exactly once."""

from __future__ import annotations

import random

import pytest

from bench.cluster.faults import FaultyCluster

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

ROUNDS = 15


def test_faults_at_random_moments_lose_and_double_nothing(tmp_path, cluster, installation):
    figures = FaultyCluster(tmp_path, cluster, installation, random.randrange(1 << 30)).run(ROUNDS)
    print(figures)
    assert sum(figures.faults.values()) == ROUNDS
    assert figures.acknowledged > ROUNDS
