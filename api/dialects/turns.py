"""A history that a client brings: of its messages the question, the turns before, and instructions.

What a client calls `system` stands beside the hidden prompt of an app and never in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kb.chat.ask.question import checked_query
from kb.errors import Rejected
from kb.types import Turn

Role = Literal["instructions", "user", "assistant", "other"]


class Said(NamedTuple):
    """One message of a client."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What a client's messages come to: the last words of the user are the question."""

    query: str
    history: tuple[Turn, ...]
    instructions: str


def brought(messages: Sequence[Said], field: str) -> Brought:
    """Read a client's messages, oldest first, sent in a field of that name.

    Raises:
        Rejected: they hold no question, or an empty one.
    """
    last = max((at for at, said in enumerate(messages) if said.role == "user"), default=None)
    if last is None:
        raise Rejected(f"`{field}` must hold a message of the user: its text is the question.")
    instructions = (said.text for said in messages if said.role == "instructions")
    spoken = [said for said in messages[:last] if said.role in ("user", "assistant")]
    return Brought(
        checked_query(messages[last].text, field),
        tuple(_turns(spoken)),
        "\n\n".join(filter(None, instructions)),
    )


def _turns(spoken: Iterable[Said]) -> Iterable[Turn]:
    """Pairs of what the user and the assistant said; who speaks twice says it in one."""
    query, answer = "", ""
    for said in spoken:
        if said.role == "user" and answer:
            yield Turn(query, answer)
            query, answer = "", ""
        if said.role == "user":
            query = _joined(query, said.text)
        else:
            answer = _joined(answer, said.text)
    if query or answer:
        yield Turn(query, answer)


def _joined(before: str, text: str) -> str:
    return f"{before}\n\n{text}".strip()
