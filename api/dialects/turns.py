"""A history that a client brings: of its messages the question, the turns before, and instructions.

What a client calls `system` stands beside the hidden prompt of an app and never in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from api.dialects.dialect import Body
from api.resources.fields import Text
from kb.chat.ask.question import checked_query
from kb.errors import Rejected
from kb.types import Turn

Role = Literal["instructions", "user", "assistant", "other"]


TEXTS = ("text", "input_text", "output_text")


class Part(Body):
    """A part of a message; only texts are read."""

    type: Annotated[str, Field(max_length=200)] = "text"
    text: Text = ""


def text_of(parts: Iterable[Part]) -> str:
    """The texts of a message, a line each."""
    return "\n".join(part.text for part in parts if part.type in TEXTS)


def last_asked(roles: Sequence[str], field: str) -> int:
    """Where the question stands, in a field of that name. Raises Rejected without one."""
    if "user" not in roles:
        raise Rejected(f"`{field}` must hold a message of the user: its text is the question.")
    return max(at for at, role in enumerate(roles) if role == "user")


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
    last = last_asked([said.role for said in messages], field)
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
