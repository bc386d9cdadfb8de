"""What a record means: from a record of any shape to a row, and back where the shape can carry it.

A reader raises ValueError (also KeyError or TypeError) where a record breaks its shape; a writer
returns None where a row does not fit at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from tune.rows import canonical
from tune.rows.containers import Record
from tune.types import TrainingRow


@dataclass(frozen=True, slots=True)
class FormOptions:
    """How records are to be read and written.

    `columns` maps those of `COLUMNS` to the column of the file, or to a text with columns in braces
    ("{dynasty},{power}"). A prompt ends with `separator`, a completion with `stop`. `model` is
    named in files for other trainers.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    stop: str = ""
    model: str = ""


class Shape(NamedTuple):
    """How a shape is told (by a field), read and written."""

    mark: str
    read: Callable[[Record, FormOptions], TrainingRow]
    write: Callable[[TrainingRow, FormOptions], Record | None]


ALIASES = {
    "question": ("question", "prompt", "query", "input", "text"),
    "answer": ("answer", "completion", "output", "response", "chosen", "answers", "reference"),
    "group": ("group", "document"),
}
COLUMNS = (
    "question",
    "answer",
    "system",
    "group",
    "language",
    "split",
    "label",
    "rejected",
    "origin",
)
_FREE = COLUMNS[3:]
_FROM = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
    "function_call": "assistant", "observation": "tool", "tool": "tool", "system": "system",
}  # fmt: skip
_OPENAI_ROLES = {"developer": "system", "function": "tool"}


def dialogue(row: TrainingRow) -> tuple[str, list[tuple[str, str]]] | None:
    """The system's text and the pairs of question and answer; None if a row is anything else."""
    is_led = row.messages[0].role == "system"
    turns = row.messages[is_led:]
    if not turns or [turn.role for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        return None
    said = [turn.content for turn in turns]
    pairs = list(zip(said[::2], said[1::2], strict=True))
    return row.messages[0].content if is_led else "", pairs


def _row(turns: Iterable[tuple[str, Any]], **said: Any) -> TrainingRow:
    messages = [{"role": role, "content": content} for role, content in turns]
    return canonical.of_json({"messages": messages, **said})


def _read_alpaca(raw: Record, _: FormOptions) -> TrainingRow:
    asked = "\n".join(filter(None, (raw["instruction"], raw.get("input"))))
    turns = [("system", raw["system"])] if raw.get("system") else []
    for question, answer in raw.get("history") or ():
        turns += [("user", question), ("assistant", answer)]
    answer = raw["chosen"] if "chosen" in raw else raw["output"]
    return _row([*turns, ("user", asked), ("assistant", answer)], rejected=raw.get("rejected"))


def _write_alpaca(row: TrainingRow, _: FormOptions) -> Record | None:
    if (said := dialogue(row)) is None:
        return None
    system, [*history, (question, answer)] = said
    answered = (
        {"output": answer} if row.rejected is None else {"chosen": answer, "rejected": row.rejected}
    )
    record = {"instruction": question, "input": "", **answered}
    return (
        record | ({"system": system} if system else {}) | ({"history": history} if history else {})
    )


def _read_sharegpt(raw: Record, _: FormOptions) -> TrainingRow:
    turns = [("system", raw["system"])] if raw.get("system") else []
    for turn in raw["conversations"]:
        said = turn.get("from") or turn["role"], turn.get("value", turn.get("content"))
        turns.append((_FROM.get(said[0], said[0]), said[1]))
    rejected = raw.get("rejected")
    if raw.get("chosen") and rejected:
        turns.append(("assistant", raw["chosen"]["value"]))
    return _row(turns, rejected=rejected and rejected["value"], tools=_tools(raw))


def _write_sharegpt(row: TrainingRow, _: FormOptions) -> Record | None:
    is_led = row.messages[0].role == "system"
    turns = row.messages[is_led:]
    expected = [("user", "tool"), ("assistant",)] * (len(turns) // 2)
    if (
        not turns
        or len(turns) % 2
        or any(turn.role not in roles for turn, roles in zip(turns, expected, strict=True))
    ):
        return None
    names = {"user": "human", "assistant": "gpt", "tool": "observation"}
    spoken = [{"from": names[turn.role], "value": turn.content} for turn in turns]
    for call, result in pairwise(spoken):
        if result["from"] == "observation":
            call["from"] = "function_call"
    record: dict[str, Any] = {"conversations": spoken}
    if row.rejected is not None:
        record |= {"chosen": spoken.pop(), "rejected": {"from": "gpt", "value": row.rejected}}
    record |= {"system": row.messages[0].content} if is_led else {}
    return record | ({"tools": json.dumps(row.tools, ensure_ascii=False)} if row.tools else {})


def _read_openai(raw: Record, _: FormOptions) -> TrainingRow:
    messages = [_openai_turn(turn) for turn in raw["messages"]]
    return canonical.of_json({**raw, "messages": messages, "tools": _tools(raw)})


def _openai_turn(raw: Record) -> Record:
    content = raw.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content)
    if content is None and raw.get("tool_calls"):  # as ShareGPT has them
        calls = [call["function"] for call in raw["tool_calls"]]
        content = json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)
    role = _OPENAI_ROLES.get(raw["role"], raw["role"])
    return {"role": role, "content": content, "weight": raw.get("weight")}


def _tools(raw: Record) -> Any:
    tools = raw.get("tools")
    return json.loads(tools) if isinstance(tools, str) and tools else tools or None


def _write_openai(row: TrainingRow, _: FormOptions) -> Record | None:
    turns = (
        turn if turn.role == "assistant" else replace(turn, weight=None) for turn in row.messages
    )
    plain = canonical.to_json(TrainingRow(tuple(turns), tools=row.tools))
    return plain if row.messages[-1].role == "assistant" else None


def _read_preference(raw: Record, options: FormOptions) -> TrainingRow:
    better, worse = raw["preferred_output"], raw["non_preferred_output"]
    messages = [*raw["input"]["messages"], *better]
    rejected = _openai_turn(worse[-1])["content"]
    return replace(_read_openai({**raw["input"], "messages": messages}, options), rejected=rejected)


def _write_preference(row: TrainingRow, options: FormOptions) -> Record | None:
    chat = _write_openai(row, options)
    if chat is None or row.rejected is None:
        return None
    [*asked, better] = chat["messages"]
    worse = {"role": "assistant", "content": row.rejected}
    said = {"preferred_output": [better], "non_preferred_output": [worse]}
    return {"input": {**chat, "messages": asked}, **said}


def _read_table(raw: Record, options: FormOptions) -> TrainingRow:
    found = {name: _cell(raw, name, options) for name in COLUMNS}
    question, answer = found["question"], found["answer"]
    if question is None:
        raise ValueError(f"no question: name its column, one of {', '.join(map(str, raw))}.")
    if options.separator:
        question = question.removesuffix(options.separator)
        answer = answer and answer.removeprefix(" ")
    turns = [("system", found["system"])] if found["system"] else []
    turns.append(("user", question))
    if answer or not found["label"]:
        ended = (answer or "").removesuffix(options.stop) if options.stop else answer or ""
        turns.append(("assistant", ended))
    return _row(turns, **{name: found[name] or None for name in _FREE})


def _cell(raw: Record, name: str, options: FormOptions) -> str | None:
    wanted = options.columns.get(name, "")
    if "{" in wanted:
        return re.sub(r"\{([^{}]+)\}", lambda match: str(raw[match[1]]), wanted)
    if wanted and wanted not in raw:
        raise ValueError(f"no column {wanted!r}; there are {', '.join(map(str, raw))}.")
    names = (wanted,) if wanted else ALIASES.get(name, (name,))
    value = next((raw[each] for each in names if raw.get(each) not in (None, [])), None)
    value = value[0] if isinstance(value, list) else value  # of a question set, the first answer
    return value if value is None or isinstance(value, str) else str(value)


def _write_table(row: TrainingRow, _: FormOptions) -> Record | None:
    labelled = row.label is not None and [turn.role for turn in row.messages] == ["user"]
    said = ("", [(row.prompt, "")]) if labelled else dialogue(row)
    if said is None or len(said[1]) > 1:
        return None
    system, [(question, answer)] = said
    plain = canonical.to_json(row)
    rest = {name: plain[name] for name in _FREE if plain.get(name)}
    return {
        "question": question,
        "answer": answer,
        **({"system": system} if system else {}),
        **rest,
    }


def _write_completion(row: TrainingRow, options: FormOptions) -> Record | None:
    said = dialogue(row)
    if said is None or len(said[1]) > 1:
        return None
    [(question, answer)] = said[1]
    blank = " " if options.separator else ""  # a word of its own to the tokenizer
    completion = f"{blank}{answer}{options.stop}"
    return {"prompt": question + options.separator, "completion": completion}


SHAPES: Mapping[str, Shape] = {
    "openai-dpo": Shape("preferred_output", _read_preference, _write_preference),
    "openai": Shape("messages", _read_openai, _write_openai),
    "canonical": Shape("messages", _read_openai, lambda row, _: canonical.to_json(row)),
    "sharegpt": Shape("conversations", _read_sharegpt, _write_sharegpt),
    "alpaca": Shape("instruction", _read_alpaca, _write_alpaca),
    "prompt-completion": Shape("completion", _read_table, _write_completion),
    "table": Shape("", _read_table, _write_table),
}
"""The first whose mark is among the fields of a record is its shape."""
