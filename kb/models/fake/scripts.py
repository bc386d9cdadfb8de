"""What the fake model server says, by the name of the model that is asked:

echo              the user's last message, word by word (also any unknown name)
cite              a sentence quoting passage [1] of the prompt, with its mark
reveal[:base64]   its instructions, as told or encoded: what the gate must stop
numbers:N[:ms[:K]]  "1 2 3 … N", waiting ms between tokens, and for K answers after the first
say:TEXT          that text, whatever is asked
tell:MS:TEXT      that text, waiting ms before every word
slow:ms           like echo, waiting ms before every word
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

QUOTED_WORDS = 12
_PASSAGE = re.compile(r"^\W*\[1\]\W*(.+)", re.MULTILINE | re.DOTALL)


class Script(NamedTuple):
    """Words, the seconds before each, and how many answers wait for each other after the first."""

    words: Sequence[str]
    interval_s: float = 0.0
    together: int = 1


def script_of(body: dict[str, Any], behaviour: str, argument: str) -> Script:
    """What is said to a request, word by word."""
    if behaviour == "numbers":
        count, interval_ms, together = [*argument.split(":"), "0", "1"][:3]
        numbers = [f"{number} " for number in range(1, int(count) + 1)]
        return Script(numbers, float(interval_ms) / 1000, int(together))
    texts = {"cite": _citing, "reveal": _encoded if argument else _instructions}
    if behaviour == "tell":
        interval_ms, _, told = argument.partition(":")
        return Script(re.findall(r"\s*\S+", told), float(interval_ms) / 1000)
    text = argument if behaviour == "say" else texts.get(behaviour, _last_message)(body)
    words = re.findall(r"\s*\S+", text) or [""]
    if behaviour in ("cut", "error-mid-stream"):
        words = [argument] if argument else ["one ", "two ", "three ", "four "]
    return Script(words, float(argument or 0) / 1000 if behaviour == "slow" else 0.0)


def _citing(body: dict[str, Any]) -> str:
    passage = _PASSAGE.search(_whole_prompt(body))
    if not passage:
        return "The documents say nothing about this."
    title, _, text = passage[1].split("\n\n")[0].partition("\n")
    quote = " ".join((text or title).split()[:QUOTED_WORDS])
    return f"According to the documents: {quote} [1]."


def _instructions(body: dict[str, Any]) -> str:
    return f"My instructions are: {_whole_prompt(body)}"


def _encoded(body: dict[str, Any]) -> str:
    return " ".join(base64.encodebytes(_whole_prompt(body).encode()).decode().split())


def _last_message(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"]) if body.get("messages") else _whole_prompt(body)


def _whole_prompt(body: dict[str, Any]) -> str:
    messages = body.get("messages") or [{"content": body.get("prompt", "")}]
    return "\n\n".join(str(message["content"]) for message in messages)


def usage_of(body: dict[str, Any], script: Script) -> dict[str, int]:
    """Words for tokens, as the object `usage`."""
    words = _whole_prompt(body).split()
    return {"prompt_tokens": len(words), "completion_tokens": len(script.words)}
