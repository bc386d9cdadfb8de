"""Embedders and rerankers are tuned by the real child, and opened by the product."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("datasets", reason="the extra tune is not installed")

from kb.models.embed.embedders import english_folder, open_embedder
from kb.models.rerank.reranking import open_reranker
from tests.tune.trainers import tiny
from tune.types import Split, TrainingRow, TrainingTurn

pytestmark = [pytest.mark.slow, pytest.mark.models]

NAMES = ("Zorbel", "Quandic", "Mirvex", "Talpon", "Ursdan", "Velkor", "Brintho", "Caldum")
FEW = {"n_epochs": 2, "batch_size": 4, "learning_rate": 1e-4, "max_tokens": 64}


def row(number: int, split: Split) -> TrainingRow:
    """To `name` a thing is known by a number; the wrong passage is about the next one."""
    name, other = NAMES[number], NAMES[(number + 1) % len(NAMES)]
    turns = (
        TrainingTurn("user", f"What is {name} good for?"),
        TrainingTurn("assistant", f"Workers oil the gears of mills with {name}."),
    )
    return TrainingRow(
        turns, group=name, split=split, rejected=f"{other} was first sold in 19{number + 10}."
    )


def trained(folder: Path, task: str) -> Path:
    valid = {"valid": [row(number, "valid") for number in (6, 7)]}
    rows = [row(number, "train") for number in range(6)]
    tiny.job_folder(folder, english_folder(), rows, held_out=valid, hyperparameters=FEW, task=task)
    told = tiny.train(folder)
    measures = told[-1]["data"]["metrics"]
    assert told[-1]["type"] == "result"
    assert measures["questions"] == 2
    assert any("train_loss" in event["data"] for event in told)
    return folder / "model"


def test_a_tuned_embedder_brings_questions_closer_to_their_passages(tmp_path: Path):
    folder = trained(tmp_path / "job", "embedder")

    tuned = open_embedder(str(folder), cache_dir=tmp_path, threads=1, batch_size=4)
    plain = open_embedder("bundled-en", cache_dir=tmp_path, threads=1, batch_size=4)
    before, after = (margin(each) for each in (plain, tuned))
    assert after > before
    assert tuned.fingerprint != plain.fingerprint
    assert 0 < tuned.calibration.near - tuned.calibration.far < 1  # measured, for it brings none


def margin(embedder) -> float:
    """How much closer the right passages of what was trained are than the wrong ones."""
    rows = [row(number, "train") for number in range(6)]
    right = embedder.embed_documents([each.answer for each in rows])
    wrong = embedder.embed_documents([each.rejected or "" for each in rows])
    asked = [embedder.embed_query(each.prompt)[0] for each in rows]
    return sum(float(q @ (r - w)) for q, r, w in zip(asked, right, wrong, strict=True))


def test_a_tuned_reranker_is_a_folder_that_the_product_opens(tmp_path: Path):
    folder = trained(tmp_path / "job", "reranker")

    reranker = open_reranker(
        model=str(folder), base_url=None, api_key=None, cache_dir=tmp_path, timeout_s=5
    )
    assert reranker is not None
    (score,) = reranker.relevance("What is Zorbel good for?", ["Workers oil mills with Zorbel."])
    assert 0 < score < 1
