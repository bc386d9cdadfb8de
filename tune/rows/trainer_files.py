"""The job files of LLaMA-Factory and Axolotl, beside the files of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import yaml

from tune.rows.shapes import FormOptions

MODEL = "Qwen/Qwen3-4B-Instruct-2507"
"""Named where no model is given, to be replaced."""


def llama_factory(splits: Collection[str], is_dpo: bool, options: FormOptions) -> dict[str, bytes]:
    """`dataset_info.json` and a job: `llamafactory-cli train train.yaml`."""
    columns = {"messages": "conversations", "system": "system", "tools": "tools"}
    columns |= {"chosen": "chosen", "rejected": "rejected"} if is_dpo else {}
    entry = {"formatting": "sharegpt", "columns": columns} | ({"ranking": True} if is_dpo else {})
    info = {name: {"file_name": f"{name}.json", **entry} for name in splits}
    checked = {"eval_dataset": "valid", "eval_strategy": "epoch"} if "valid" in splits else {}
    job = {
        "model_name_or_path": options.model or MODEL, "template": "qwen3_nothink",
        "stage": "dpo" if is_dpo else "sft", "do_train": True,
        "finetuning_type": "lora", "lora_target": "all", "lora_rank": 16,
        "dataset_dir": ".", "dataset": "train", **checked, "cutoff_len": 2048,
        "output_dir": "adapter", "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 8, "num_train_epochs": 3.0, "bf16": True,
        "learning_rate": 5e-6 if is_dpo else 1e-4, "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.05, "logging_steps": 5, "plot_loss": True,
    }  # fmt: skip
    described = (json.dumps(info, indent=2) + "\n").encode()
    return {"dataset_info.json": described, "train.yaml": _yaml(job)}


def axolotl(splits: Collection[str], is_dpo: bool, options: FormOptions) -> dict[str, bytes]:
    """A job: `axolotl train axolotl.yaml`. Preferences are left to LLaMA-Factory."""

    def rows(split: str) -> list[dict[str, Any]]:
        return [{
            "path": f"{split}.jsonl", "ds_type": "json", "split": "train", "type": "chat_template",
            "field_messages": "messages", "roles_to_train": ["assistant"],
            "message_field_training": "weight",
        }]  # fmt: skip

    job = {
        "base_model": options.model or MODEL, "datasets": rows("train"),
        **({"test_datasets": rows("valid")} if "valid" in splits else {}),
        "adapter": "lora", "lora_r": 16, "lora_alpha": 32, "lora_target_linear": True,
        "sequence_len": 2048, "micro_batch_size": 2, "gradient_accumulation_steps": 8,
        "num_epochs": 3, "learning_rate": 2e-4, "lr_scheduler": "cosine", "warmup_ratio": 0.05,
        "optimizer": "adamw_torch", "bf16": "auto", "output_dir": "./adapter",
    }  # fmt: skip
    return {"axolotl.yaml": _yaml(job)}


TRAINER_FILES: Mapping[str, Callable[[Collection[str], bool, FormOptions], dict[str, bytes]]] = {
    "llama-factory": llama_factory,
    "axolotl": axolotl,
}


def _yaml(job: Mapping[str, Any]) -> bytes:
    return str(yaml.safe_dump(job, sort_keys=False, allow_unicode=True)).encode()
