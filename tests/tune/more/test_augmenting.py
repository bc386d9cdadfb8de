"""More rows from a few: what the prompt shows, what is read of replies, and what is dropped."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from kb.models.fake.server import FakeModelServer
from kb.settings import LlmSettings
from kb.types import Model
from tests.tune.making import row
from tune.more.augmenting import MOST_REQUESTS, augment, candidates_in, prompt_of
from tune.more.journal import Journal
from tune.more.writing import Writer
from tune.types import TrainingRow, TrainingTurn

SEEDS = [row(f"Who pays {number * 1111}?", f"Team {number}.") for number in range(1, 4)]
BAD = row("Who are you?", "A bot.", group="refused: not about money")
NEW = '{"question": "Where is the cellar?", "answer": "Below."}'


def made(
    reply: str, tmp_path: Path, *, count: int = 5, known: list[TrainingRow] | None = None
) -> tuple[FakeModelServer, list[TrainingRow]]:
    async def run() -> tuple[FakeModelServer, list[TrainingRow]]:
        async with FakeModelServer() as server:
            model = Model("m", "openai", server.base_url, reply)
            writer = Writer(model, LlmSettings(), at_once=2)
            try:
                journal = Journal(tmp_path / "partial")
                told = await augment(
                    SEEDS, [BAD], known or [], count, writer=writer, journal=journal
                )
                return server, told
            finally:
                await writer.close()

    return asyncio.run(run())


def test_the_prompt_shows_seeds_and_bad_examples_with_the_reason():
    prompt = prompt_of(SEEDS, [BAD], random.Random(0))

    assert all(f'"question": "{seed.prompt}"' in prompt for seed in SEEDS)
    assert "Why it is bad: not about money" in prompt
    assert "Bad examples" not in prompt_of(SEEDS, [], random.Random(0))


def test_candidates_are_new_and_each_comes_once(tmp_path: Path):
    server, found = made(f"say:Sure! {NEW}\n{NEW}", tmp_path)

    assert [(each.prompt, each.answer, each.origin) for each in found] == [
        ("Where is the cellar?", "Below.", "augmented")
    ]
    assert len(server.requests) == MOST_REQUESTS, "a model that repeats itself is not asked forever"


def test_what_is_near_to_a_seed_or_waits_already_is_dropped(tmp_path: Path):
    known = [row("Where's the cellar?", "Down.")]
    assert made(f"say:{NEW}", tmp_path, known=known)[1] == []
    (tmp_path / "partial").unlink()
    assert made("echo", tmp_path, count=2)[1] == [], "the reply is the prompt: seeds"


def test_a_run_that_was_cut_goes_on(tmp_path: Path):
    made(f"say:{NEW}", tmp_path)

    server, found = made("echo", tmp_path, count=1)

    assert server.requests == []
    assert len(found) == 1


def test_replies_are_read_whatever_stands_around_the_rows():
    led = TrainingRow((TrainingTurn("system", "Be kind."), *SEEDS[0].messages))
    reply = f'```json\n[{NEW},\n{{"question": "No answer?"}}, {{broken]\n```'

    found = list(candidates_in(reply, led))

    assert [[turn.content for turn in each.messages] for each in found] == [
        ["Be kind.", "Where is the cellar?", "Below."]
    ]


def test_rows_with_labels_give_rows_with_labels():
    found = list(candidates_in('{"question": "Money!", "label": "refund"}', row("a", label="b")))

    assert found == [row("Money!", label="refund", origin="augmented")]
    assert '"label": "..."' in prompt_of([row("a", label="b")], [], random.Random(0))
