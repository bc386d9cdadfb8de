"""Language models: supervised (TRL's SFTTrainer) and DPO, LoRA or all weights.

Rows are rendered and cut into tokens here, piece by piece, so that what is asked later is what was
trained, and each row keeps its number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from tune.trainers.answers import forgotten, generate, measures
from tune.trainers.job import Failed, Job, refuse_code, weights_of
from tune.trainers.running import Reporter, TellsRows, arguments, freeze, run, save
from tune.trainers.templates import (
    CHATML,
    Piece,
    TemplateMismatch,
    end_of_turn,
    render,
    render_completion,
    template_hash,
)
from tune.types import TrainingRow

MOST_ASKED = 50
Encoded = dict[str, Any]


class Form:
    """How rows become tokens: the template, or separator and stop; and where answers end."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.style = "completion" if job.task == "completion" else "chat"
        self.template = None
        self.separator, self.stop = job.separator, job.stop
        if self.style == "chat":
            self.template = job.template or self.tokenizer.chat_template or CHATML
            self.tokenizer.chat_template = self.template
            end = end_of_turn(self.template, self.tokenizer.special_tokens_map)
            self.stop = (end,) if end and end != self.tokenizer.eos_token else ()

    def pieces(self, row: TrainingRow) -> tuple[Piece, ...]:
        """The row, rendered."""
        if self.template is None:
            return render_completion(row, self.separator, self.stop)
        return render(row, self.template, self.tokenizer.special_tokens_map)

    def prompt(self, row: TrainingRow) -> str:
        """What the model is asked: all before the last answer."""
        return "".join(piece.text for piece in self.pieces(row)[:-1])

    def tokens(self, text: str, *, ends: bool = False) -> list[int]:
        """The ids of a piece; of the last one with the model's own end."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        end = self.tokenizer.eos_token_id
        return [*ids, end] if ends and end is not None and end not in ids[-2:] else ids

    def about(self) -> dict[str, Any]:
        """What serving must know."""
        name = template_hash(self.template, self.separator, self.stop)
        stop = list(self.stop)
        return {
            "style": self.style,
            "separator": self.separator,
            "stop": stop,
            "template_hash": name,
        }


def train(job: Job) -> None:
    """Train what the job says, and tell what it learnt and forgot."""
    folder, adapter = weights_of(job)
    for each in filter(None, (folder, adapter)):
        refuse_code(each)
    form = Form(job, adapter or folder)
    encode = _preference if job.method == "dpo" else _supervised
    rows = _encoded(job, form, encode, "train")
    valid = _encoded(job, form, encode, "valid") if job.valid else []
    model = _model(job, folder, adapter)
    held_out = {name: job.rows(name)[:MOST_ASKED] for name in ("valid", "old_valid")}
    before = {name: _answers(job, model, form, asked) for name, asked in held_out.items()}
    tokens = sum(len(row.get("input_ids") or row["prompt_ids"] + row["chosen_ids"]) for row in rows)
    reporter = Reporter(job, tokens)
    trainer = _trainer(job, model, form, rows, valid)
    run(trainer, job, reporter)
    trained = round((trainer.state.epoch or 0) * tokens)
    after = {name: _answers(job, model, form, asked) for name, asked in held_out.items()}
    is_adapter = isinstance(model, PeftModel)
    about = form.about() | {"weights": os.path.relpath(folder, job.out) if is_adapter else None}
    save(job, lambda part: _write(part, model, form), about)
    metrics = _compared(job, held_out, before, after)
    job.tell_result(trained_tokens=trained, metrics=metrics, **form.about())


def _supervised(form: Form, row: TrainingRow, most: int) -> Encoded:
    ids: list[int] = []
    labels: list[int] = []
    pieces = form.pieces(row)
    for piece in pieces:
        tokens = form.tokens(piece.text, ends=piece is pieces[-1])
        ids += tokens
        labels += tokens if piece.is_trained else [-100] * len(tokens)
    is_learnt = any(label != -100 for label in labels[:most])
    return {
        "input_ids": ids[:most],
        "labels": labels[:most],
        "learns": is_learnt,
        "cut": len(ids) > most,
    }


def _preference(form: Form, row: TrainingRow, most: int) -> Encoded:
    *before, answer = form.pieces(row)
    prompt = form.tokens("".join(piece.text for piece in before))
    chosen = form.tokens(answer.text, ends=True)
    rejected = form.tokens(answer.text.replace(row.answer, row.rejected or "", 1), ends=True)
    learns = row.rejected is not None and len(prompt) < most
    is_cut = len(prompt) + max(len(chosen), len(rejected)) > most
    ids = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
    return {**ids, "learns": learns, "cut": is_cut}


def _encoded(job: Job, form: Form, encode: Any, name: str) -> list[Encoded]:
    most = job.setting("max_tokens", 1024)
    encoded: list[Encoded] = []
    for number, row in enumerate(job.rows(name)):
        try:
            encoded.append({"row": number, **encode(form, row, most)})
        except TemplateMismatch as exc:
            raise Failed("template_without_mask", f"Row {number} of {name}: {exc}") from exc
    kept = [row for row in encoded if row.pop("learns")]
    masked = sorted({row["row"] for row in encoded} - {row["row"] for row in kept})
    is_cut = [row["row"] for row in encoded if row.pop("cut")]
    if not kept:
        needed = "a rejected answer" if job.method == "dpo" else "an answer"
        raise Failed(
            "rows_all_masked",
            f"No row of {name} has {needed} to learn within {most} tokens. Raise max_tokens, or "
            "look at the weights of the answers.",
        )
    for rows, what in ((masked, "are left out: nothing is left to learn"), (is_cut, "are cut")):
        if rows:
            said = f"{len(rows)} rows of {name} {what} at {most} tokens."
            job.events.tell("message", said, level="warn", rows=rows[:100])
    return kept


def _model(job: Job, folder: Path, adapter: Path | None) -> Any:
    rank, frozen = job.setting("lora_rank", 16), job.setting("frozen_layers", 0)
    on_gpu = torch.cuda.is_available()
    half = on_gpu and rank and torch.cuda.is_bf16_supported()
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.bfloat16 if half else torch.float32,
        device_map="cuda:0" if on_gpu else None,
    )
    if adapter:
        model = PeftModel.from_pretrained(model, adapter, is_trainable=True, use_safetensors=True)
        if rank:
            return model
        model = model.merge_and_unload().requires_grad_(True)
    if rank:
        layers = model.config.num_hidden_layers
        lora = LoraConfig(
            r=rank,
            lora_alpha=job.setting("lora_alpha", 2 * rank),
            lora_dropout=job.setting("lora_dropout", 0.0),
            target_modules="all-linear",
            layers_to_transform=list(range(frozen, layers)) if frozen else None,
            task_type="CAUSAL_LM",
        )
        return get_peft_model(model, lora)
    if frozen:
        model.get_input_embeddings().requires_grad_(False)
        freeze(model, frozen)
    return model


class _Supervised(TellsRows, SFTTrainer):  # type: ignore[misc]
    pass


class _Preference(TellsRows, DPOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # our tokens are those of supervised training


def _trainer(job: Job, model: Any, form: Form, rows: list[Encoded], valid: list[Encoded]) -> Any:
    given = arguments(job, rows=len(rows), has_valid=bool(valid))
    most = job.setting("max_tokens", 1024)
    data = {
        "train_dataset": Dataset.from_list(rows),
        "eval_dataset": Dataset.from_list(valid) if valid else None,
        "processing_class": form.tokenizer,
    }
    if job.method == "dpo":
        config = DPOConfig(**given, max_length=most, beta=job.setting("beta", 0.1))
        return _Preference(model=model, args=config, **data)
    config = SFTConfig(**given, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
    return _Supervised(model=model, args=config, **data)


def _answers(job: Job, model: Any, form: Form, rows: Sequence[TrainingRow]) -> list[str]:
    if not rows:
        return []
    job.events.tell("message", f"Asking {len(rows)} held-out questions.")
    longest = max(len(form.tokens(row.answer)) for row in rows)
    return generate(model, form.tokenizer, [*map(form.prompt, rows)], form.stop, longest * 2 + 8)


def _compared(
    job: Job,
    held_out: Mapping[str, Sequence[TrainingRow]],
    before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    with (job.folder / "answers.jsonl").open("w", encoding="utf-8") as file:
        for name, rows in held_out.items():
            gold = [row.answer for row in rows]
            for number, said in enumerate(zip(rows, before[name], after[name], strict=True)):
                row, was, now = said
                line = {"set": name, "row": number, "question": row.prompt, "expected": row.answer}
                file.write(
                    json.dumps(line | {"before": was, "after": now}, ensure_ascii=False) + "\n"
                )
            if rows:
                lost = forgotten(before[name], after[name], gold)
                told = {"rows": len(rows), "forgotten": lost}
                told |= {
                    "before": measures(before[name], gold),
                    "after": measures(after[name], gold),
                }
                metrics[name] = told
    return metrics


def _write(part: Path, model: Any, form: Form) -> None:
    adapters = {"selected_adapters": ["default"]} if isinstance(model, PeftModel) else {}
    model.save_pretrained(part, **adapters)
    form.tokenizer.save_pretrained(part)
    if form.template is not None:
        (part / "template.jinja").write_text(form.template, encoding="utf-8")
