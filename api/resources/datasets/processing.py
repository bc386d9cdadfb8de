"""How a dataset's documents are cleaned and split, as requests say it.

An option that has no effect in the chosen mode is refused: silence would look like obedience.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from api.resources.fields import Body, Name
from api.threads import previewing
from ingest.clean.cleaning import known_rules
from ingest.clean.patterns import MAX_PATTERN_CHARACTERS, MAX_PATTERNS
from ingest.sandbox.reader_process import ReaderPool
from kb.errors import Rejected
from kb.types import ParentKind, Processing, SplitMode, SplitOptions
from kb.types.documents import CLEAN_MAX_SHARE

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN_CHARACTERS)]

_FOR: dict[str, tuple[SplitMode, ...]] = {
    "rows": ("auto",),
    "separator": ("separator",),
    "regex": ("separator",),
    "keep_separator": ("separator",),
    "merge": ("separator",),
    "parent": ("parent_child",),
    "parent_max_tokens": ("parent_child",),
}
_DEFAULTS = asdict(SplitOptions())


class SplitBody(Body):
    """How text is cut into chunks."""

    mode: SplitMode = "auto"
    """`auto` follows headings, paragraphs and sentences; `separator` cuts where you say;
    `parent_child` searches small pieces and returns what is around them; `qa` searches the
    questions of a table and returns question and answer."""
    max_tokens: Annotated[int, Field(ge=16, le=8192)] | None = None
    """Tokens of the embedder in one chunk; null takes what it reads best."""
    overlap: Annotated[int, Field(ge=0, le=1024)] = 0
    """Tokens that two neighbouring chunks share at most; whole sentences only."""
    rows: bool = False
    """For `auto`: each row of a table is a chunk of its own."""
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = "\n\n"
    """For `separator`: the characters to cut at, in any script."""
    regex: bool = False
    """For `separator`: it is a regular expression."""
    keep_separator: bool = False
    """For `separator`: it stays at the end of the piece before it."""
    merge: bool = True
    """For `separator`: small pieces share a chunk as far as they fit."""
    parent: ParentKind = "section"
    """For `parent_child`: what is returned, the section around a hit or its paragraph."""
    parent_max_tokens: Annotated[int, Field(ge=32, le=8192)] = 512
    """For `parent_child`: tokens of what is returned, at most."""

    @model_validator(mode="after")
    def _has_effect(self) -> SplitBody:
        for name, modes in _FOR.items():
            if getattr(self, name) != _DEFAULTS[name] and self.mode not in modes:
                raise ValueError(f"{name} has no effect in mode {self.mode}; it is for {modes[0]}")
        return self


class ProcessingBody(Body):
    """How a dataset's documents are cleaned and split."""

    clean: dict[Name, bool] = Field(default_factory=dict)
    """Cleaning rules, on or off; a rule that is not named keeps its default."""
    split: SplitBody = SplitBody()
    custom_regex: Annotated[list[Pattern], Field(max_length=MAX_PATTERNS)] = Field(
        default_factory=list
    )
    """Regular expressions; what they match is not searched."""
    clean_max_share: Annotated[float, Field(ge=0, le=1)] = CLEAN_MAX_SHARE
    """A document of which cleaning takes out more than this share fails."""

    @field_validator("clean")
    @classmethod
    def _under_our_names(cls, clean: dict[str, bool]) -> dict[str, bool]:
        try:
            return known_rules(clean)
        except Rejected as exc:
            raise ValueError(exc.detail.rstrip(".")) from exc

    def to_processing(self) -> Processing:
        return Processing(
            clean=self.clean,
            split=self.split.to(SplitOptions),
            custom_regex=tuple(self.custom_regex),
            clean_max_share=self.clean_max_share,
        )

    async def check(self, readers: ReaderPool) -> None:
        """Try every regular expression before it is stored. Raises Rejected or Overloaded."""
        patterns = [*self.custom_regex, *([self.split.separator] if self.split.regex else [])]
        if patterns:
            await previewing(readers.check, patterns)
