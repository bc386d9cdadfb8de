"""What a provider has counted, in all the names that providers count under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kb.types import EndPiece, FinishReason

MAX_TOKENS = 10**9
"""What a server counts beyond is not a count; the sum of such numbers would not fit a database."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens"),
    "cached_tokens": (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cached_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
    ),
    "reasoning_tokens": (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    ),
}
_BESIDES = ("cache_read_input_tokens", "cache_creation_input_tokens")


def end_piece(finish_reason: FinishReason, usage: Any) -> EndPiece:
    """How an answer ended and what it took; 0 where the provider did not count.

    Cached tokens are part of those of the prompt, and reasoning of those of the answer. Anthropic
    counts what its cache read or took beside `input_tokens`: here it is added.
    """
    if not isinstance(usage, Mapping):
        return EndPiece(finish_reason)
    found = {field: next(_counts(usage, names), 0) for field, names in _NAMES.items()}
    if "prompt_tokens" not in usage:
        found["prompt_tokens"] += sum(_counts(usage, _BESIDES))
    prompt, completion = found["prompt_tokens"], found["completion_tokens"]
    return EndPiece(
        finish_reason=finish_reason,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=min(found["cached_tokens"], prompt),
        reasoning_tokens=min(found["reasoning_tokens"], completion),
    )


def _counts(usage: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[int]:
    """The counts among the values of some paths."""
    for name in names:
        group, _, inner = name.rpartition(".")
        held = usage.get(group) if group else usage
        count = held.get(inner) if isinstance(held, Mapping) else None
        if type(count) is int and 0 <= count <= MAX_TOKENS:
            yield count
