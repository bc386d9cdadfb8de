"""What a model answers to held-out rows before and after, and how right that is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from eval.metrics.answers import exact_match, refuses, token_f1

MOST_TOKENS = 256
BATCH = 8


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], stop: Sequence[str], most: int
) -> list[str]:
    """The most likely answer to each prompt, without what follows a stop; `most` tokens at most."""
    model.eval()
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    answers: list[str] = []
    for start in range(0, len(prompts), BATCH):
        batch = list(prompts[start : start + BATCH])
        inputs = tokenizer(batch, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.no_grad():
            out = model.generate(
                **inputs.to(model.device),
                max_new_tokens=min(most, MOST_TOKENS),
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        said = out[:, inputs["input_ids"].shape[1] :]
        answers += [cut(text, stop) for text in tokenizer.batch_decode(said, True)]
    tokenizer.padding_side = side
    return answers


def cut(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop."""
    ends = [text.find(each) for each in stop if each and each in text]
    return text[: min(ends)].strip() if ends else text.strip()


def measures(answers: Sequence[str], expected: Sequence[str]) -> dict[str, float]:
    """Means over the rows, each 0 to 1: exact match and F1 as `eval` has them, refusals, and
    `format`: the share of JSON where JSON is expected."""
    if not expected:
        return {}
    pairs = [(answer, (gold,)) for answer, gold in zip(answers, expected, strict=True)]
    formats = [_is_json(answer) for answer, (gold,) in pairs if _is_json(gold)]
    return {
        "exact_match": sum(exact_match(*pair) for pair in pairs) / len(pairs),
        "f1": sum(token_f1(*pair) for pair in pairs) / len(pairs),
        "refusals": sum(map(refuses, answers)) / len(pairs),
        **({"format": sum(formats) / len(formats)} if formats else {}),
    }


def forgotten(before: Sequence[str], after: Sequence[str], expected: Sequence[str]) -> list[int]:
    """The rows that were right before and are wrong after."""
    rows = enumerate(zip(before, after, expected, strict=True))
    return [
        n for n, (was, now, gold) in rows if exact_match(was, (gold,)) > exact_match(now, (gold,))
    ]


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
