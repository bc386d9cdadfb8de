"""A grid through a template: every combination, as often as wanted, resumed after a cut."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kb.errors import ModelUnavailable, Rejected
from kb.models.fake.server import FakeModelServer
from kb.protocols import Sampling
from kb.settings import LlmSettings
from kb.types import Model
from tune.more.generating import filled, generate, prompts_of
from tune.more.journal import Journal
from tune.more.writing import Writer
from tune.rows.forms import read

GRID = {"dynasty": ["唐", "宋"], "power": ["fire", "{dynasty}"]}


STORIES = prompts_of("A story of {dynasty}, {power}.", GRID)


def made(out: Path, model: str = "echo") -> tuple[FakeModelServer, int]:
    async def run() -> tuple[FakeModelServer, int]:
        async with FakeModelServer() as server:
            settings = LlmSettings(retries=0)
            writer = Writer(Model("m", "openai", server.base_url, model), settings, at_once=2)
            how = {"repeat": 2, "sampling": Sampling(1.0, 100)}
            try:
                return server, await generate(STORIES, list(GRID), writer, out, **how)
            finally:
                await writer.close()

    return asyncio.run(run())


def test_every_combination_is_asked_as_often_as_wanted(tmp_path: Path):
    out = tmp_path / "stories.csv"

    server, count = made(out)

    assert count == 8
    assert len(server.requests) == 4
    rows, _ = read(out.read_bytes(), "stories.csv")
    assert [(row.prompt, row.answer) for row in rows][:3] == [
        ("唐,fire", "A story of 唐, fire."),
        ("唐,fire", "A story of 唐, fire."),
        ("唐,{dynasty}", "A story of 唐, {dynasty}."),
    ]
    assert not out.with_name("stories.csv.partial").exists()


def test_a_run_that_was_cut_asks_for_what_is_missing(tmp_path: Path):
    out = tmp_path / "stories.csv"
    partial = out.with_name("stories.csv.partial")
    there = {"dynasty": "宋", "power": "fire", "prompt": "宋,fire", "completion": "Old."}
    partial.write_text(json.dumps(there) + '\n{"dynasty": "宋", "po')

    server, count = made(out)

    assert count == 8
    assert sorted(body.get("n", 1) for body in server.requests) == [1, 2, 2, 2]
    assert "Old." in out.read_text()


def test_what_came_before_a_failure_is_kept(tmp_path: Path):
    out = tmp_path / "stories.csv"
    journal = Journal(out.with_name("stories.csv.partial"))
    journal.add({"dynasty": "唐", "power": "fire", "prompt": "唐,fire", "completion": "Old."})

    with pytest.raises(ModelUnavailable):
        made(out, "fail:401")

    assert len(Journal(out.with_name("stories.csv.partial")).records) == 1
    assert not out.exists()


def test_a_template_and_a_grid_that_name_other_things_are_refused():
    with pytest.raises(Rejected, match=r"\['power'\], the grid \['dynasty'\]"):
        prompts_of("{power}", {"dynasty": ["唐"]})
    assert filled("{a}{b}", {"a": "{b}", "b": "c"}) == "{b}c"
