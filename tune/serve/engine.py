"""The worker that generates: loads what is asked for, and tells the text as it comes.

Each request names its adapter in the call. Nothing switches adapters of the shared model: a request
beside it would be answered by the wrong one.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

from tune.trainers.job import Failed, adapter_weights, refuse_code
from tune.trainers.templates import CHATML, end_of_turn, render_chat

MOST_WAITING = 16
SERVED = ("chat", "completion")


class Overloaded(Exception):
    """Too many requests wait."""


@dataclass(frozen=True, slots=True)
class End:
    """The answer is whole: why it ends (`stop` or `length`), and its tokens as OpenAI has them."""

    reason: str
    usage: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: turns to be rendered by the model's template, or a text that goes as it is.

    `told` gets pieces of text, then one End, or an exception. Who sets `left` wants no more.
    """

    folder: Path
    prompt: str | Sequence[Mapping[str, Any]]
    stop: tuple[str, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    told: queue.Queue[str | End | Exception] = field(default_factory=queue.Queue)
    left: threading.Event = field(default_factory=threading.Event)


def catalogue(bases: Path, tuning: Path) -> dict[str, Path]:
    """The models that are here by their names: base models, and what jobs have made of them."""
    found = {path.parent.name: path.parent for path in bases.glob("*/config.json")}
    for path in tuning.glob("*/model/tuned.json"):
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["task"] in SERVED:
            found[about["name"]] = path.parent
    return found


class Engine:
    """One thread, one queue, one copy of weights; other weights take their place when asked for."""

    def __init__(self, bases: Path) -> None:
        self._bases = bases
        self._waiting: queue.Queue[Asked] = queue.Queue(MOST_WAITING)
        self._weights: Path | None = None
        self._model: Any = None
        self._adapters: dict[Path, str] = {}
        threading.Thread(target=self._work, name="generating", daemon=True).start()

    def answer(self, asked: Asked) -> Iterator[str | End]:
        """Pieces of text as they come, then one End. Who closes it ends the answer.

        Raises:
            Overloaded: too many wait.
            Failed, TemplateMismatch: it cannot be answered.
        """
        try:
            self._waiting.put_nowait(asked)
        except queue.Full:
            raise Overloaded("Too many requests wait. Try again later.") from None
        try:
            while isinstance(piece := asked.told.get(), str):
                yield piece
            if isinstance(piece, Exception):
                raise piece
            yield piece
        finally:
            asked.left.set()

    def _work(self) -> None:
        while True:
            asked = self._waiting.get()
            try:
                if not asked.left.is_set():
                    asked.told.put(self._answered(asked))
            except Exception as exc:  # the edge of a request
                asked.told.put(exc)

    def _answered(self, asked: Asked) -> End:
        about = _about(asked.folder)
        try:
            adapter = self._loaded(asked.folder, about)
        except BaseException:  # half of it may be there: the next request begins anew
            self._model, self._adapters, self._weights = None, {}, None
            raise
        tokenizer = AutoTokenizer.from_pretrained(asked.folder, local_files_only=True)
        text, stop = _rendered(asked, tokenizer, about)
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        size = inputs["input_ids"].shape[1]
        room = self._model.config.max_position_embeddings - size
        if room < 1:
            raise Failed("context_length_exceeded", f"The prompt has {size} tokens: too many.")
        ends = {tokenizer.eos_token_id, *map(tokenizer.get_vocab().get, stop)} - {None}
        teller = _Teller(tokenizer, stop, asked)
        sampled = asked.temperature > 0
        how = {"temperature": asked.temperature, "top_p": asked.top_p} if sampled else {}
        named = {"adapter_names": [adapter]} if self._adapters else {}
        with torch.no_grad():
            self._model.generate(
                **inputs.to(self._model.device),
                **named,
                **how,
                do_sample=sampled,
                max_new_tokens=min(asked.max_tokens, room),
                eos_token_id=list(ends),
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
                streamer=teller,
                stopping_criteria=[teller.is_over],
            )
        is_cut = not teller.has_stopped and teller.last not in ends
        tokens = {"prompt_tokens": size, "completion_tokens": teller.tokens}
        usage = tokens | {"total_tokens": size + teller.tokens}
        return End("length" if is_cut else "stop", usage)

    def _loaded(self, folder: Path, about: Mapping[str, Any]) -> str:
        refuse_code(folder)
        is_adapter = (folder / "adapter_config.json").exists()
        weights = folder
        if is_adapter:
            weights = adapter_weights(folder) or self._bases / about["base"]
            refuse_code(weights)
        if weights.resolve() != self._weights:
            self._model, self._adapters = None, {}  # freed before others come
            on_gpu = torch.cuda.is_available()
            self._model = AutoModelForCausalLM.from_pretrained(
                weights,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.bfloat16 if on_gpu else torch.float32,
                device_map="cuda:0" if on_gpu else None,
            ).eval()
            self._weights = weights.resolve()
        if is_adapter and folder not in self._adapters:
            name = f"adapter{len(self._adapters)}"
            if self._adapters:
                self._model.load_adapter(folder, name)
            else:
                self._model = PeftModel.from_pretrained(self._model, folder, adapter_name=name)
            self._model.eval()
            self._adapters[folder] = name
        return self._adapters.get(folder, "__base__")


class _Teller(TextStreamer):  # type: ignore[misc]
    """Tells text once it is sure that no stop begins in it."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], asked: Asked) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.tokens, self.last, self.has_stopped = 0, -1, False
        self._stop, self._asked, self._held = stop, asked, ""

    def put(self, value: Any) -> None:
        if not self.next_tokens_are_prompt:
            self.tokens += value.numel()
            self.last = int(value.flatten()[-1])
        super().put(value)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        text = self._held + text
        ends = [text.find(each) for each in self._stop if each in text]
        if self.has_stopped or ends:
            text, self._held = "" if self.has_stopped else text[: min(ends)], ""
            self.has_stopped = True
        elif not stream_end:
            sizes = range(len(text), 0, -1)
            may_be = (n for n in sizes if any(each.startswith(text[-n:]) for each in self._stop))
            kept = len(text) - next(may_be, 0)
            text, self._held = text[:kept], text[kept:]
        if text:
            self._asked.told.put(text)

    def is_over(self, ids: Any, *_: Any, **__: Any) -> Any:
        """Asked after each token: for each row of the batch whether it ends."""
        over = self.has_stopped or self._asked.left.is_set()
        return torch.full((ids.shape[0],), over, device=ids.device)


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "tuned.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _rendered(
    asked: Asked, tokenizer: Any, about: Mapping[str, Any]
) -> tuple[str, tuple[str, ...]]:
    stop = tuple(filter(None, (*asked.stop, *about.get("stop", ()))))  # "" stands in every text
    if isinstance(asked.prompt, str):
        return asked.prompt, stop
    if about.get("style") == "completion":
        return asked.prompt[-1]["content"] + about["separator"], stop
    template = tokenizer.chat_template or CHATML
    special = tokenizer.special_tokens_map
    end = end_of_turn(template, special)
    return render_chat(asked.prompt, template, special, to_answer=True), (*stop, end)
