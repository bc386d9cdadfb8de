"""A model that brings no calibration gets one that fits its cosines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kb.models.embed.embedders import english_folder, open_embedder
from kb.models.embed.openvino_embedder import OpenVinoEmbedder
from kb.models.embed.packed_model import packed_encoder
from kb.search.scoring import on_scale

ASKED = "How long may an employee be ill without a doctor's note?"
NEAR = "A medical certificate is needed from the fourth day of sickness on."
FAR = "The printer on the second floor takes recycled paper."


@pytest.fixture(scope="module")
def unknown_model() -> OpenVinoEmbedder:
    """A model whose cosines all lie above 0.7, and that says nothing of it."""
    return OpenVinoEmbedder(replace(packed_encoder(), calibration=None), threads=1, batch_size=4)


def meaning(embedder: OpenVinoEmbedder, passage: str) -> float:
    cosine = (embedder.embed_query(ASKED) @ embedder.embed_documents([passage]).T).item()
    return on_scale(cosine, embedder.calibration)


def test_a_passage_is_near_or_far_on_the_models_own_scale(unknown_model: OpenVinoEmbedder):
    assert meaning(unknown_model, FAR) < 0.1
    assert meaning(unknown_model, NEAR) > 0.25


def test_the_english_model_in_a_folder_is_calibrated_like_the_bundled_one(tmp_path: Path):
    by_name, by_folder = (
        open_embedder(name, cache_dir=tmp_path, threads=1, batch_size=4).calibration
        for name in ("bundled-en", str(english_folder()))
    )

    assert (by_folder.far, by_folder.near) == pytest.approx((by_name.far, by_name.near), abs=0.02)
