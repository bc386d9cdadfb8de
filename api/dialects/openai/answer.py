"""What every answer in this dialect says beside its text: ids, sources, citations, tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.dialects.dialect import FINISH_REASONS
from api.dialects.openai.retrieval.objects import cited_file
from api.dialects.originals import original_url
from api.errors import AnswerFailed
from api.resources.chat.run_events import visible
from kb.chat.run.run import Run
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Failed,
    Routed,
    RunEvent,
    Source,
    Sources,
    Started,
    Usage,
)


@dataclass(slots=True)
class Answer:
    """What is known of a run so far, gathered from its events.

    Attributes:
        site: the address of this server, where cited originals can be opened.
        full: whether the reader may know of the hidden prompt's tokens.
    """

    model: str
    site: str
    full: bool
    run_id: str
    app: str = ""
    variant: str = ""
    citations: list[Citation] = field(default_factory=list)
    sources: tuple[Source, ...] = ()
    searched: str = ""
    completed: Completed | None = None

    def note(self, event: RunEvent) -> None:
        """Take in an event other than text."""
        match event:
            case Started():
                self.app = f"{event.app_slug}.v{event.app_version}"
            case Routed(route):
                self.variant = route.variant
            case Sources():
                self.sources, self.searched = event.sources, event.query
            case Cited(citation):
                self.citations.append(citation)
            case Completed():
                self.completed = visible(event, full=self.full)

    @property
    def fingerprint(self) -> str:
        """The version of the app that answers, and its variant."""
        return f"{self.app}.{self.variant}"

    @property
    def finish_reason(self) -> str:
        """How it ended; "stop" also for who was stopped."""
        return FINISH_REASONS[self.completed.finish_reason] if self.completed else "stop"

    @property
    def usage(self) -> Usage:
        """The tokens that the reader may know of."""
        return self.completed.usage if self.completed else Usage()

    def search_results(self) -> list[dict[str, Any]]:
        """The passages that the answer may cite, as Perplexity and its clients have them."""
        hits = [source.hit for source in self.sources]
        return [
            {
                "title": hit.document_name,
                "url": original_url(self.site, hit.chunk.document_id, hit.chunk.spans[0].page),
                "snippet": hit.chunk.text,
            }
            for hit in hits
        ]

    def file_citations(self) -> list[dict[str, Any]]:
        """The citations with the files that they rest on, which need no address."""
        files = {source.n: cited_file(source.hit) for source in self.sources}
        kind = {"type": "file_citation"}
        return [{**kind, **files[cited.n], "index": cited.answer_start} for cited in self.citations]

    def url_citations(self) -> list[dict[str, Any]]:
        """The citations with the places of their marks, and of what they rest on."""
        return [
            {
                "start_index": cited.answer_start,
                "end_index": cited.answer_end,
                "title": cited.document_name,
                "url": original_url(self.site, cited.document_id, cited.page),
                "quote": cited.quote,
                "page": cited.page,
            }
            for cited in self.citations
        ]


def gathered(run: Run, answer: Answer) -> Completed:
    """Note all of an ended run. Raises AnswerFailed where it has no whole answer."""
    for event in run.events:
        answer.note(event)
    match run.terminal:
        case Completed():
            return run.terminal
        case Failed(error):
            raise AnswerFailed(error)
        case Cancelled(reason):
            raise AnswerFailed.cancelled(reason)
    raise AssertionError("the run has not ended")


def listed(data: Iterable[Any]) -> dict[str, Any]:
    """A list as this dialect writes one."""
    return {"object": "list", "data": list(data)}
