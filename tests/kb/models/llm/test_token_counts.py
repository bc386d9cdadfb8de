"""The names under which providers count tokens."""

import pytest

from kb.models.llm.token_counts import end_piece
from kb.types import EndPiece

SHAPES = {
    "OpenAI": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 12},
    },
    "DeepSeek": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_cache_hit_tokens": 64,
        "prompt_cache_miss_tokens": 36,
        "completion_tokens_details": {"reasoning_tokens": 12},
    },
    "Moonshot": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "cached_tokens": 64,
        "reasoning_tokens": 12,
    },
    "Responses": {
        "input_tokens": 100,
        "output_tokens": 20,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens_details": {"reasoning_tokens": 12},
    },
}


@pytest.mark.parametrize("usage", SHAPES.values(), ids=SHAPES)
def test_cached_and_reasoning_tokens_are_read_under_each_name(usage):
    assert end_piece("length", usage) == EndPiece(
        "length", 100, 20, cached_tokens=64, reasoning_tokens=12
    )


def test_what_anthropics_cache_read_or_took_is_part_of_the_prompt():
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
    }

    counted = end_piece("stop", usage)

    assert counted.prompt_tokens == 10 + 60 + 30
    assert counted.cached_tokens == 60


@pytest.mark.parametrize(
    "usage",
    [None, [], "7", {"prompt_tokens": -1}, {"prompt_tokens": True}, {"prompt_tokens": 10**40}],
)
def test_what_is_no_count_is_zero(usage):
    assert end_piece("stop", usage) == EndPiece("stop")


def test_parts_are_not_more_than_the_whole():
    usage = {"prompt_tokens": 5, "prompt_cache_hit_tokens": 9, "reasoning_tokens": 3}

    assert end_piece("stop", usage).cached_tokens == 5
    assert end_piece("stop", usage).reasoning_tokens == 0
