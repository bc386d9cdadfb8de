"""Keeps what a reasoning model thinks out of its answer, however the stream is cut into pieces.

Most servers send thoughts in a field of their own. Others send them in the text: between tags, in
the channels of gpt-oss, or before a closing tag alone, because their template puts the opening one
into the prompt. Between backticks, such signs are the answer's own.
"""

from __future__ import annotations

import re
from typing import Literal

_MARKER = re.compile(
    r"<(?P<shut>/)?(?P<tag>(?i:think(?:ing)?|thoughts?|reasoning|seed:think))(?:\s[^<>]{0,30})?>"
    r"|[◁\[](?P<shut_too>/)?(?P<tag_too>think▷|THINK\])"
    r"|<[|｜](?P<control>/?[\w▁]{1,40})[|｜]>"
    r"|</s>|<(?:eos|end_of_turn)>|<(?P<turn>start_of_turn)>"
    r"|(?P<final>assistantfinal)"
)
_UNFINISHED = re.compile(
    r"(?:<[|｜/]?[\w:▁/]{0,41}[|｜]?|◁/?\w{0,5}|\[/?[A-Z]{0,5}|"
    r"</?(?i:think(?:ing)?|thoughts?|reasoning|seed:think)\s[^<>]{0,30})\Z"
)
_LONGEST_MARKER = 48

_LONGEST_FENCE = 500
_FENCE = re.compile(r"\s*(?:```[^`]*|~~~.*)")
_ROLES = frozenset(("start", "im_start", "start_header_id", "channel"))
_BARE_CHANNEL = re.compile(r"analysis[^\W\d_]")
"""What is left of gpt-oss's channels behind a server that drops control tokens; then comes
`assistantfinal`."""

_BEGINNINGS = (
    "analysis|okay, |okay so|ok, so|ok so|alright, |hmm|wait, |so, |so the user|first, i |"
    "first, let|now, i |let me|let's|the user |the question |user asks|user wants|we need|"
    "we have to|we must|we are |we should|i need|i have to|i should|i must|i'll|need to|"
    "looking at|thinking|got it|to answer this|好的，|好的,|嗯|用户|首先，我|我需要|我们需要|"
    "我要|让我|der nutzer |der benutzer |ich muss|el usuario |necesito |l'utilisateur |"
    "je dois|ユーザー|まず、|사용자"
)
_THOUGHTS_BEGIN = tuple(_BEGINNINGS.split("|"))
"""How thoughts begin. An answer that begins so comes whole at its end: only its stream is lost."""

THINKING_MODEL = re.compile(r"(?<![a-z])(?:r1|qwq|thinking|reason\w*)(?![a-z])", re.IGNORECASE)
"""Names of models whose templates open the thought in the prompt."""


class ThinkFilter:
    """Drops thoughts and control tokens from a text that arrives in pieces.

    A thought is what stands in tags at the start of a line, or anywhere once the model has thought;
    what comes before a closing tag without an opening one; every channel of gpt-oss but `final`.

    Args:
        thinks_first: the text is held back until its thought is closed, or the stream ends.

    Attributes:
        thinks_unopened: a thought has ended that no tag had opened.
    """

    def __init__(self, *, thinks_first: bool = False) -> None:
        self.thinks_unopened = False
        self._thinks_first = thinks_first
        self._state: Literal["opening", "answer", "thought", "header"] = "opening"
        self._rest = self._held = self._header = self._line = ""
        self._has_thought = self._has_said = self._is_fenced = False
        self._tags_said = self._ticks = 0

    def feed(self, text: str) -> str:
        """The characters that are certainly not thought."""
        self._rest += text
        said = ""
        while match := _MARKER.search(self._rest):
            before, self._rest = self._rest[: match.start()], self._rest[match.end() :]
            said += self._take(before) + self._marked(match)
        unfinished = _UNFINISHED.search(self._rest[-_LONGEST_MARKER:])
        end = len(self._rest) - (len(unfinished[0]) if unfinished else 0)
        if self._state != "thought":
            said += self._take(self._rest[:end])
        # Of a thought only what may become its end is kept.
        self._rest = self._rest[-_LONGEST_MARKER if self._state == "thought" else end :]
        return said

    def reasons_apart(self) -> str:
        """What was held back, now that the server has sent thoughts in a field of their own."""
        self._has_thought, self._thinks_first = True, False
        return self._released()

    def finish(self) -> str:
        """What was held back at the end of the stream and is not a thought."""
        said = self._take(self._rest)
        return said + self._released()

    def _take(self, text: str) -> str:
        match self._state:
            case "answer":
                return self._say(text)
            case "header":
                self._header += text
                if self._header.startswith("im_start") and "\n" in text:
                    self._state = "answer"
                    return self._say(text.partition("\n")[2])
            case "opening":
                self._held += text
                if _BARE_CHANNEL.match(self._held.lstrip()):
                    self._think()
                elif not self._may_be_thought():
                    return self._released()
        return ""

    def _may_be_thought(self) -> bool:
        begins = self._held.lstrip().lower()
        return self._thinks_first or any(
            begins.startswith(opening) or opening.startswith(begins) for opening in _THOUGHTS_BEGIN
        )

    def _marked(self, match: re.Match[str]) -> str:
        """Go where a marker leads; whatever of it is said."""
        is_channel = bool(self._header and match["control"])  # its server drops no control token
        if self._state == "answer" and ((self._is_code and not is_channel) or match["final"]):
            return self._say(match[0])
        if match["tag"] or match["tag_too"]:
            is_end = match["shut"] or match["shut_too"]
            if self._state == "thought" and self._header.startswith("channel"):
                return ""  # only its own tokens end a channel
            return self._closed(match[0]) if is_end else self._opened(match[0])
        return self._controlled("im_start" if match["turn"] else (match["control"] or "").lower())

    def _controlled(self, control: str) -> str:
        if "think" in control or "thought" in control:
            if control.startswith(("start", "begin")):
                return self._opened("")
            return self._closed("")
        if control in _ROLES:
            said = self._released()
            self._state, self._header = "header", control
            self._line, self._ticks, self._is_fenced = "", 0, False
            return said
        if control in ("message", "end_header_id"):
            is_thought = self._header.startswith("channel") and "final" not in self._header
            self._state = "thought" if is_thought else "answer"
            self._has_thought = self._has_thought or is_thought
        elif self._state == "thought":
            self._state = "answer"
        return ""

    def _opened(self, tag: str) -> str:
        if self._state == "thought":
            return ""
        if self._line.strip() and self._has_said and not self._has_thought:
            self._tags_said += 1
            return self._say(tag)
        self._think()
        return ""

    def _closed(self, tag: str) -> str:
        if self._tags_said and self._state == "answer":
            self._tags_said -= 1
            return self._say(tag)
        self.thinks_unopened = self.thinks_unopened or self._state != "thought"
        self._held, self._state, self._has_thought = "", "answer", True
        return ""

    def _think(self) -> None:
        self._held, self._state, self._has_thought = "", "thought", True

    def _released(self) -> str:
        """The text that was held back, as an answer."""
        if self._state != "opening":
            return ""
        held, self._held, self._state = self._held, "", "answer"
        return self._say(held)

    @property
    def _is_code(self) -> bool:
        """Whether what comes next stands between fences, or between backticks of one line."""
        return self._is_fenced or self._ticks % 2 == 1

    def _say(self, text: str) -> str:
        if self._has_thought and not self._has_said:
            text = text.lstrip()
        self._has_said = self._has_said or bool(text)
        *ended, rest = text.split("\n")
        for line in ended:
            self._is_fenced ^= _FENCE.fullmatch(self._line + line) is not None
            self._line, self._ticks = "", 0
        self._line = (self._line + rest)[:_LONGEST_FENCE]
        self._ticks += rest.count("`")
        return text
