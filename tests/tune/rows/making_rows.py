"""Rows as Hypothesis makes them up."""

from __future__ import annotations

from typing import get_args

from hypothesis import HealthCheck
from hypothesis import strategies as st

from tune.types import Origin, Split, TrainingRow, TrainingTurn, TurnRole

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
"""Says nothing of rows: machines of tests are busy."""

texts = st.text(max_size=20)
weights = st.sampled_from([None, 0, 1])
turns = st.builds(TrainingTurn, st.sampled_from(get_args(TurnRole)), texts, weights)
tools = st.lists(st.dictionaries(texts, texts, max_size=2), max_size=2).map(tuple)
any_rows = st.builds(
    TrainingRow,
    messages=st.lists(turns, min_size=1, max_size=5).map(tuple),
    origin=st.sampled_from(get_args(Origin)),
    group=texts,
    language=texts,
    split=st.sampled_from([None, *get_args(Split)]),
    rejected=st.none() | texts,
    label=st.none() | texts,
    tools=tools,
)
