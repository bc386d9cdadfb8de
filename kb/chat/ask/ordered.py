"""What a prompt orders to say: it may be said, although the prompt is hidden.

Found are quoted texts, and what follows "say that", "answer with:" and the like in English, German,
Spanish, French, Chinese and Japanese, unless the order is not to say it. What is missed belongs
into `quotable`; what is found wrongly shows in the draft.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_QUOTED = re.compile(
    r"“([^“”\n]+)”|„([^„“”\n]+)[“”]|«([^«»\n]+)»|»([^«»\n]+)«|\"([^\"\n]+)\""
    r"|「([^「」\n]+)」|『([^『』\n]+)』"
)
_SAY = (
    r"(?:say|reply|respond|answer|state|admit|explain|write|tell|inform|close|end|begin|start|greet"
    r"|sage?|antworte|schreibe?|schließe?|teile?|erkläre|beginne|di|diga|responde?a?|contest[ae]"
    r"|termin[ae]|dis|dites|répond[sz]?e?z?|écri[sv]e?z?|expliquez?|commence[rz]?)"
)
_WORDS = r"(?:[^\S\n][^\s.!?:;]+){0,5}?"
_AFTER = re.compile(
    rf"\b({_SAY})\b{_WORDS}(?:\s(?=that\b|que\b|qu['’])|,\s(?=dass\b)|\s?:)\s*([^.!?\n]+[.!?]?)",
    re.I,
)
_AFTER_WIDE = re.compile(
    r"(说明?|回答|回复|答复|告诉|告知|提醒)"
    r"(?:(?:用户|客户|对方|顾客|他们|读者)[：:，]?|[：:])([^。！？\n]+)"
)
_BEFORE_WIDE = re.compile(
    r"([^。、\n「」]+)"
    r"(?:と|旨を)(?:だけ|丁寧に)?(?:答え|回答|お?伝え|述べ|言)(?!\w{0,4}(?:ない|ません))"
)
_NOT_WORDS = (
    r"(?:never,?|not|n['’]t|without|avoid|niemals|nie|nicht|nunca|jamás|jamais|no|ne)(?!\w)"
)
_NOT_WIDE = r"(?:不要|不得|不能|不可|不准|别|勿|禁止|严禁|避免)"
_NOT_SAY = re.compile(
    rf"(?:{_NOT_WORDS}(?:\s(?:ever|to|directly|please|anyone))*|{_NOT_WIDE}\w{{0,4}})[^\w.!?。！？\n]*$",
    re.I,
)
_NOT_BEFORE = re.compile(
    rf"\b(?:{_NOT_WORDS}|kein\w*|pas\b)[^.!?;,\n]*$|{_NOT_WIDE}[^。！？；，\n]*$", re.I
)
_NOT_AFTER = re.compile(r"\s*[はをと]?\w{0,8}(?:ない|ません|禁)")
_SAY_BEFORE = re.compile(rf"\b{_SAY}\b[^.!?;\n]{{0,40}}$", re.I)


def ordered_to_say(prompt: str) -> Iterator[str]:
    """The texts that a prompt orders to say, as they stand in it."""
    return filter(None, map(str.strip, _ordered(prompt)))


def _ordered(prompt: str) -> Iterator[str]:
    for quoted in _QUOTED.finditer(prompt):
        if not _is_forbidden(prompt[: quoted.start()], prompt[quoted.end() :]):
            yield quoted[quoted.lastindex or 0]
    plain = _QUOTED.sub("\n", prompt)
    for order in (*_AFTER.finditer(plain), *_AFTER_WIDE.finditer(plain)):
        if not _NOT_SAY.search(plain[: order.start(1)]):
            yield order[2]
    yield from (order[1] for order in _BEFORE_WIDE.finditer(plain))


def _is_forbidden(before: str, after: str) -> bool:
    line = before[-200:]
    if (said := _SAY_BEFORE.search(line)) and not _NOT_BEFORE.search(said[0]):
        return _NOT_SAY.search(line[: said.start()]) is not None
    return bool(_NOT_BEFORE.search(line) or _NOT_AFTER.match(after))
