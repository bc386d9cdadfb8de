"""Language models are tuned by the real child, and in this process where only the end counts."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

from tests.tune.trainers import tiny
from tests.tune.trainers.tiny import FEW, LORA
from tune.trainers.__main__ import STOPPED

NEW = tiny.more_facts()
Train = Callable[[Path], int]


def result(folder: Path) -> dict[str, Any]:
    (told,) = tiny.events(folder, "result")
    data: dict[str, Any] = told["data"]
    return data


def error(folder: Path) -> dict[str, Any]:
    (told,) = tiny.events(folder, "error")
    data: dict[str, Any] = told["data"]
    return data


def test_all_weights_learn_the_facts_and_each_step_is_told(stock: Path):
    told = [event["data"] for event in tiny.events(stock, "metrics")]
    steps = [each for each in told if "train_loss" in each]
    valid = result(stock)["metrics"]["valid"]

    assert (valid["before"]["exact_match"], valid["after"]["exact_match"]) == (0.0, 1.0)
    assert [each["step"] for each in steps] == list(range(1, 121))
    assert {row for each in steps[:2] for row in each["rows"]} == set(range(10))
    assert {"learning_rate", "grad_norm", "seconds_left", "num_tokens"} <= steps[0].keys()
    assert steps[-1]["seconds_left"] == 0
    assert (told[0]["step"], "valid_loss" in told[0]) == (0, True)  # before anything is learnt
    assert json.loads((stock / "model" / "tuned.json").read_text())["style"] == "chat"
    assert (stock / "model" / "template.jinja").read_text() in (
        json.loads((stock / "model" / "tokenizer_config.json").read_text()).get("chat_template"),
        (stock / "model" / "chat_template.jinja").read_text(),
    )


@pytest.mark.slow
def test_an_adapter_on_tuned_weights_is_stopped_killed_and_ends_as_if_nothing_was(
    base: Path, stock: Path, tmp_path: Path
):
    held_out = {"valid": NEW, "old_valid": tiny.facts()}
    folder = tiny.job_folder(
        tmp_path / "job",
        base,
        NEW,
        held_out=held_out,
        hyperparameters=LORA | {"eval_every": 5},
        continue_from=str(stock / "model"),
    )
    stopped = tiny.start(folder)
    wait_for_step(folder, 6)
    stopped.send_signal(signal.SIGTERM)

    assert stopped.wait() == STOPPED
    assert not (folder / "model").exists()
    reached = tiny.events(folder, "checkpoint")[-1]["data"]["step"]

    killed = tiny.start(folder)
    wait_for_step(folder, 22)
    killed.kill()
    killed.wait()
    (folder / "checkpoints" / "checkpoint-39").mkdir()  # what a kill leaves while it is written
    told = tiny.train(folder)

    messages = [event["message"] for event in told if event["type"] == "message"]
    assert any(f"Resumed at step {reached} of 40" in message for message in messages)
    assert tiny.events(folder, "metrics")[-1]["data"]["step"] == 40
    metrics = result(folder)["metrics"]
    assert (
        metrics["valid"]["before"]["exact_match"],
        metrics["valid"]["after"]["exact_match"],
    ) == (
        0.0,
        1.0,
    )
    old = metrics["old_valid"]
    assert old["before"]["exact_match"] == 1.0
    assert len(old["forgotten"]) == round(10 * (1 - old["after"]["exact_match"]))
    assert len(list((folder / "checkpoints").glob("checkpoint-*"))) <= 3
    assert (folder / "model" / "adapter_model.safetensors").exists()


def wait_for_step(folder: Path, step: int) -> None:
    while not any(each["data"]["step"] >= step for each in tiny.events(folder, "metrics")):
        time.sleep(0.05)


def test_an_adapter_is_continued_and_then_preferred(
    base: Path, here: Train, stock: Path, tmp_path: Path
):
    first = tiny.job_folder(
        tmp_path / "first", base, NEW, hyperparameters=FEW, continue_from=str(stock / "model")
    )
    assert here(first) == 0
    liked = [tiny.chat(row.prompt, row.answer, rejected="I do not know.") for row in NEW]
    second = tiny.job_folder(
        tmp_path / "second",
        base,
        liked,
        method="dpo",
        held_out={"valid": liked},
        hyperparameters=FEW | {"n_epochs": 6, "learning_rate": 5e-3},
        continue_from=str(first / "model"),
    )
    assert here(second) == 0

    weights = json.loads((second / "model" / "tuned.json").read_text())["weights"]
    assert (second / "model" / weights).resolve() == (stock / "model").resolve()
    losses = [
        each["data"]["valid_loss"]
        for each in tiny.events(second, "metrics")
        if "valid_loss" in each["data"]
    ]
    assert losses[0] == pytest.approx(0.693, abs=0.01)  # ln 2: it is its own reference
    assert losses[-1] < losses[0]


def test_an_adapter_is_merged_where_all_weights_are_trained_on_it(
    base: Path, adapter: Path, tmp_path: Path, here: Train
):
    given = FEW | {"lora_rank": 0, "learning_rate": 1e-5}
    model, rows = str(adapter / "model"), tiny.more_facts()
    folder = tiny.job_folder(
        tmp_path / "job",
        base,
        rows,
        held_out={"valid": rows},
        hyperparameters=given,
        continue_from=model,
    )
    assert here(folder) == 0

    measured = result(folder)["metrics"]["valid"]
    assert measured["before"]["exact_match"] == measured["after"]["exact_match"] == 1.0
    assert (folder / "model" / "model.safetensors").exists()
    assert not (folder / "model" / "adapter_config.json").exists()


def test_completion_style_learns_the_stop_after_the_separator(
    base: Path, here: Train, tmp_path: Path
):
    folder = tiny.job_folder(
        tmp_path / "job",
        base,
        tiny.facts(),
        task="completion",
        separator=" ->",
        stop=["\n"],
        hyperparameters=FEW,
    )
    assert here(folder) == 0

    about = result(folder)
    assert (about["style"], about["separator"], about["stop"]) == ("completion", " ->", ["\n"])
    assert not (folder / "model" / "template.jinja").exists()


@pytest.mark.parametrize(
    ("template", "rows", "hyperparameters", "code"),
    [
        (None, [tiny.chat("word " * 50, "answer")], {"max_tokens": 8}, "rows_all_masked"),
        (
            "{% for m in messages %}{{ loop.length }}{{ m['content'] }}{% endfor %}",
            tiny.facts(),
            {},
            "template_without_mask",
        ),
        (None, tiny.facts(), {"learning_rate": 1e30, "lora_rank": 0, "n_epochs": 9}, "diverged"),
        (None, tiny.facts(), {"lora_rank": 10**10}, "out_of_memory"),
        (None, tiny.facts(), {"lora_rank": 0}, "package_missing"),
    ],
)
def test_a_job_that_cannot_go_on_says_why(
    base: Path,
    here: Train,
    tmp_path: Path,
    template: str | None,
    rows: Any,
    hyperparameters: Any,
    code: str,
):
    given = FEW | hyperparameters
    tracker = "wandb" if code == "package_missing" else None
    spec = {"template": template, "hyperparameters": given, "track_with": tracker}
    folder = tiny.job_folder(tmp_path / "job", base, rows, **spec)

    assert here(folder) == 1
    assert error(folder)["code"] == code
    assert tiny.events(folder, "result") == []


def test_a_seed_gives_the_same_new_weights_again_and_another_seed_others(
    base: Path, tmp_path: Path
):
    made = {}
    for name, seed in {"once": 7, "again": 7, "other": 8}.items():
        folder = tiny.job_folder(
            tmp_path / name, base, tiny.facts(), seed=seed, hyperparameters=FEW
        )
        tiny.train(folder)
        made[name] = (folder / "model" / "adapter_model.safetensors").read_bytes()
    assert made["once"] == made["again"] != made["other"]


def test_a_folder_that_brings_code_is_refused(base: Path, here: Train, tmp_path: Path):
    (base / "pytorch_model.bin").touch()
    try:
        folder = tiny.job_folder(tmp_path / "job", base, NEW, hyperparameters=FEW)
        assert here(folder) == 1
    finally:
        (base / "pytorch_model.bin").unlink()

    assert error(folder)["code"] == "model_refused"


def test_rows_without_room_are_left_out_and_named(base: Path, here: Train, tmp_path: Path):
    rows = [*NEW, tiny.chat("word " * 80, "lost")]
    folder = tiny.job_folder(tmp_path / "job", base, rows, hyperparameters=FEW | {"max_tokens": 60})

    assert here(folder) == 0
    warned = [event for event in tiny.events(folder) if event["level"] == "warn"]
    assert warned[0]["data"]["rows"] == [5]


def test_frozen_layers_do_not_change(base: Path, here: Train, tmp_path: Path):
    from safetensors.torch import load_file

    given = FEW | {"lora_rank": 0, "frozen_layers": 1, "learning_rate": 1e-2}
    folder = tiny.job_folder(tmp_path / "job", base, NEW, hyperparameters=given)
    assert here(folder) == 0

    was, now = (load_file(each / "model.safetensors") for each in (base, folder / "model"))
    changed = {name for name in was if not was[name].equal(now[name])}
    assert changed
    assert all(name.startswith(("model.layers.1.", "model.norm")) for name in changed)


def test_early_stopping_ends_a_run_that_does_not_improve_and_keeps_the_best(
    base: Path, here: Train, tmp_path: Path
):
    given = FEW | {"n_epochs": 30, "learning_rate": 1e-9, "early_stopping": 2}
    folder = tiny.job_folder(
        tmp_path / "job", base, NEW, held_out={"valid": NEW}, hyperparameters=given
    )
    assert here(folder) == 0

    assert tiny.events(folder, "metrics")[-1]["data"]["step"] < 30
    result(folder)
