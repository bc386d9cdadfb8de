"""The search of an answer as a tool call, where a request names vector stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from api.dialects.openai.answer import Answer
from api.dialects.openai.requests import ResponseBody
from api.dialects.openai.retrieval.objects import result_object
from kb.types import Hit, Scope

RESULTS = "file_search_call.results"

Named = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FileSearchCall:
    """One output item before the message; `shows_results` with the passages that were found.

    Attributes of files are for a scope that may read them otherwise: readers of an app may not, and
    get none; not null, which the AI SDK refuses.
    """

    answer: Answer
    scope: Scope
    shows_results: bool

    @classmethod
    def of(cls, answer: Answer, scope: Scope, body: ResponseBody) -> FileSearchCall | None:
        """The call of a request, if it names the tool."""
        shows_results = RESULTS in (body.include or ())
        return cls(answer, scope, shows_results) if body.file_search else None

    def item(self, status: str = "completed") -> dict[str, Any]:
        """The call as it stands."""
        hits = [source.hit for source in self.answer.sources]
        shown = self.shows_results and status == "completed"
        return {
            "id": f"fs_{self.answer.run_id}",
            "type": "file_search_call",
            "status": status,
            "queries": [self.answer.searched] if self.answer.searched else [],
            "results": [self._result(hit) for hit in hits] if shown else None,
        }

    def begun(self) -> Iterator[Named]:
        """The events of its beginning."""
        yield "output_item.added", {"output_index": 0, "item": self.item("in_progress")}
        yield from (self._stage(name) for name in ("in_progress", "searching"))

    def ended(self) -> Iterator[Named]:
        """The events of its end."""
        yield self._stage("completed")
        yield "output_item.done", {"output_index": 0, "item": self.item()}

    def _result(self, hit: Hit) -> dict[str, Any]:
        found = result_object(hit) | {"text": hit.chunk.text}
        may_read = self.scope.may("search") and self.scope.sees_dataset(hit.dataset_id)
        return found if may_read else found | {"attributes": {}}

    def _stage(self, name: str) -> Named:
        place = {"item_id": f"fs_{self.answer.run_id}", "output_index": 0}
        return f"file_search_call.{name}", place
