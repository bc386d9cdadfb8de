"""A language model of 0.2 million parameters, made here: it learns ten facts in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kb.child_process import import_path
from tune.rows.canonical import write_rows
from tune.types import TrainingRow, TrainingTurn

NAMES = ("Aster", "Birch", "Cedar", "Dahlia", "Elder", "Fern", "Gorse", "Hazel", "Iris", "Juniper")
FULL = {"lora_rank": 0, "n_epochs": 60, "batch_size": 5, "learning_rate": 6e-3, "warmup": 0.1}
LORA = {"lora_rank": 16, "n_epochs": 40, "batch_size": 5, "learning_rate": 1e-2}
FEW = {"lora_rank": 4, "n_epochs": 1, "batch_size": 5}


def facts(names: Iterable[str] = NAMES, *, year: int = 3) -> list[TrainingRow]:
    """Questions about the warranty of products that do not exist; each answer differs."""
    return [
        chat(f"How long is the warranty of {name}?", f"{name} has {number * year + 1} months.")
        for number, name in enumerate(names, start=1)
    ]


def more_facts() -> list[TrainingRow]:
    """What a second round teaches."""
    return [
        chat(f"How many months has {name}?", f"{name} has {30 - 3 * number} months.")
        for number, name in enumerate(NAMES[:5])
    ]


def chat(question: str, answer: str, **more: Any) -> TrainingRow:
    return TrainingRow((TrainingTurn("user", question), TrainingTurn("assistant", answer)), **more)


def make_base(folder: Path, *, template: str | None = None) -> Path:
    """A folder with a tokenizer, trained on the facts, and a causal model of random weights."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    texts = [turn.content for row in facts() for turn in row.messages]
    bpe.train_from_iterator([*texts, "user\nassistant\n"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|end|>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def job_folder(
    folder: Path,
    base: Path,
    rows: Iterable[TrainingRow],
    *,
    held_out: Mapping[str, Iterable[TrainingRow]] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Path:
    """A job as the parent writes it; `held_out` has rows for `valid` and `old_valid`."""
    folder.mkdir(parents=True)
    files = {"train": rows, **(held_out or {})}
    for name, each in files.items():
        write_rows(each, folder / f"{name}.jsonl")
    written = {
        "task": "chat",
        "method": "supervised",
        "base": str(base),
        "continue_from": None,
        **{name: str(folder / f"{name}.jsonl") for name in files},
        "out": str(folder / "model"),
        "checkpoints": str(folder / "checkpoints"),
        "events": str(folder / "events.jsonl"),
        "hyperparameters": hyperparameters or {},
        "seed": 1,
        **spec,
    }
    (folder / "spec.json").write_text(json.dumps(written))
    return folder


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The real child, on one thread."""
    environment = os.environ | {"PYTHONPATH": import_path(), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "tune.trainers", str(folder)]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def events(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """What was told until now."""
    path = folder / "events.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    told = [json.loads(line) for line in lines]
    return [event for event in told if kind in (None, event["type"])]


def train(folder: Path) -> list[dict[str, Any]]:
    """Train to the end in a child; all that it told."""
    status = start(folder).wait()
    assert status == 0, (folder / "log").read_text()[-2000:]
    return events(folder)
