"""Whatever a language model's server does, a run has one clear end in time and leaks nothing.

All faults run side by side in one event loop, once; each test looks at one of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kb.chat.ask.question import ChatRequest
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, LlmSettings, Settings
from kb.store.apps import models
from kb.types import TERMINAL_EVENTS, Completed, Delta, Failed, Limits, Model, RunEvent, Variant
from tests.chatting import each, routes
from tests.faulty_model_server import FaultyModelServer
from tests.model_faults import FAULTS, TEXT, TOKENS
from tests.parts import ADMIN, publish

MARKER = "quicksilver-4711"
PROVIDER_KEY = "sk-vermilion-0815"
HIDDEN = f"Never tell anyone about {MARKER}. Braces like {{{{these}}}} and {{context}} stay."
PATIENCE_S = 1.0
ROOM_S = 1.0
HANGING = ("silence", "headers, then silence", "drip", "endless continue")
CASES = [(fault, position) for fault in FAULTS for position in TOKENS]
LOST = ("short length", "gzip bomb", "header bomb", "endless continue")
"""What HTTP itself finds wrong: text that came in the same packet may be lost."""
ODD = {
    "U+2028": "a\u2028b\u0085c\r\nd",
    "split UTF-8": "月亮🌕",
    "lone surrogate": "x\ufffdy",
    "empty choices": "",
    "null content": "",
    "the same twice": "twice twice ",
    "million choices": "m ",
    "huge tool call": "",
    "odd usage": "",
    "negative usage": "",
}


@dataclass(frozen=True)
class Outcome:
    """How one run went."""

    events: list[RunEvent]
    seconds: float

    @property
    def answer(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Delta))


@dataclass(frozen=True)
class Everything:
    """All runs by fault and position, those that may fall back by fault, and what they left."""

    found: dict[tuple[str, str], Outcome]
    fallen: dict[str, Outcome]
    requests: Counter[str]
    left: list[str]


def expected_answer(fault: str, position: str) -> str | None:
    """The whole answer that a reader gets in spite of the fault; None if the run must fail."""
    sent = "".join(TEXT[: TOKENS[position]])
    whole = "".join(TEXT)
    if fault in ODD:
        return sent + ODD[fault] + whole.removeprefix(sent)
    if fault in ("CR only", "wrong type") or (fault == "429" and position == "before"):
        return whole
    if fault in ("no [DONE]", "two [DONE]", "tool call"):
        return sent or None
    return None


def app_of(fault: str, position: str) -> str:
    """The app to ask: some faults lie in the address, and some need short deadlines."""
    if position == "before" and fault in ("refused", "unknown-host", "no-tls"):
        return fault
    return "hanging" if fault in HANGING else "patient"


def set_up(kb: KnowledgeBase, port: int) -> None:
    """For each kind of model an app whose base variant asks it, and one that falls back from it."""
    here = f"http://127.0.0.1:{port}/v1"
    addresses = {
        "refused": "http://127.0.0.1:9/v1",
        "unknown-host": f"http://{'no-such-host' * 6}.invalid/v1",  # too long a label for any name
        "no-tls": f"https://127.0.0.1:{port}/v1",
    }
    for name in (*addresses, "hanging", "patient", "sound"):
        patience_s = PATIENCE_S if name == "hanging" else None
        model = Model(
            name,
            "openai",
            addresses.get(name, here),
            name,
            first_token_timeout_s=patience_s,
            gap_timeout_s=patience_s,
            api_key=PROVIDER_KEY,
        )
        kb.database.writing(models.put, ADMIN, kb.secrets, model)
        publish(kb, name, prompt=HIDDEN, base=Variant(name))
        if name != "sound":
            publish(kb, f"{name}-tuned", prompt=HIDDEN, base=Variant("sound"), tuned=Variant(name))


async def outcome(kb: KnowledgeBase, app: str, query: str, **asked: str) -> Outcome:
    request = ChatRequest(query, **asked)
    run = await kb.chat.ask(ADMIN, app, request, Limits())
    began = asyncio.get_running_loop().time()
    async with aclosing(each(run)) as numbered:
        events = [event async for _, event in numbered]
    return Outcome(events, asyncio.get_running_loop().time() - began)


async def all_outcomes(kb: KnowledgeBase) -> Everything:
    async with FaultyModelServer() as server:
        await asyncio.to_thread(set_up, kb, server.port)
        # The clients are made before a clock runs; they wait for no answer to that.
        await asyncio.gather(*(outcome(kb, app, "401/before") for app in ("hanging", "patient")))
        before = asyncio.all_tasks()
        hanging = [case for case in CASES if case[0] in HANGING]
        others = [case for case in CASES if case[0] not in HANGING]
        found: dict[tuple[str, str], Outcome] = {}
        for cases in (hanging, others):  # the clock of those that hang is not held up by the others
            asked = [outcome(kb, app_of(*case), "/".join(case)) for case in cases]
            found |= dict(zip(cases, await asyncio.gather(*asked), strict=True))
        requests = Counter(server.requests)
        asked = [
            outcome(kb, f"{app_of(fault, 'before')}-tuned", f"{fault}/before", route="tuned")
            for fault in FAULTS
        ]
        fallen = dict(zip(FAULTS, await asyncio.gather(*asked), strict=True))
        left = await left_behind(server, before)
        await kb.chat_models.close()
        return Everything(found, fallen, requests, left)


async def left_behind(server: FaultyModelServer, before: set[asyncio.Task[Any]]) -> list[str]:
    """Connections and tasks that are still there a while after every run has ended."""
    try:
        async with asyncio.timeout(5):
            while server.connections or asyncio.all_tasks() - before:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return [repr(task) for task in (asyncio.all_tasks() - before) | server.connections]
    return []


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("faults") / "data",
        embedding=EmbeddingSettings(model="hash"),
        llm=LlmSettings(circuit_failures=1000),
        _env_file=None,
    )
    kb = open_kb(settings)
    yield kb
    kb.close()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Everything that is logged, debug included."""
    path = tmp_path_factory.mktemp("log") / "all.log"
    handler = logging.FileHandler(path)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@pytest.fixture(scope="module")
def everything(kb: KnowledgeBase, log: Path) -> Everything:
    return asyncio.run(all_outcomes(kb))


def test_there_are_50_faults():
    assert len(set(FAULTS)) == 50


@pytest.mark.parametrize(("fault", "position"), CASES)
def test_a_fault_has_one_clear_end_in_time(everything: Everything, fault: str, position: str):
    found = everything.found[fault, position]
    *others, last = found.events
    expected = expected_answer(fault, position)

    assert not any(isinstance(event, TERMINAL_EVENTS) for event in others)
    if expected is None:
        assert isinstance(last, Failed), found.answer
        assert last.error.code == "model_unavailable"
        assert last.retryable
        sent = "".join(TEXT[: TOKENS[position]])
        assert found.answer == sent or (fault in LOST and found.answer == "")
    else:
        assert isinstance(last, Completed), last
        assert found.answer == last.answer == expected
    assert MARKER not in repr(found.events)
    assert PROVIDER_KEY not in repr(found.events)
    assert found.seconds <= (PATIENCE_S if fault in HANGING else 60) + ROOM_S


@pytest.mark.parametrize(("fault", "position"), CASES)
def test_an_answer_that_has_begun_is_never_asked_for_again(
    everything: Everything, fault: str, position: str
):
    if everything.found[fault, position].answer and (fault, position) != ("429", "before"):
        assert everything.requests[f"{fault}/{position}"] == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_the_first_token_gives_way_to_base(everything: Everything, fault: str):
    found = everything.fallen[fault]
    last = found.events[-1]

    assert isinstance(last, Completed), last
    assert sum(isinstance(event, TERMINAL_EVENTS) for event in found.events) == 1
    if expected_answer(fault, "before") is None:
        assert routes(found.events) == [("tuned", "requested"), ("base", "fallback")]
        assert found.answer == "".join(TEXT)
    else:
        assert routes(found.events) == [("tuned", "requested")]


def test_no_connection_and_no_task_is_left_behind(everything: Everything):
    assert everything.left == []


def test_no_prompt_and_no_key_is_in_the_log(everything: Everything, log: Path):
    text = log.read_text(encoding="utf-8")
    assert MARKER not in text
    assert PROVIDER_KEY not in text
