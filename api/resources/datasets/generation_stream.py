"""The building of a generation as events."""

from __future__ import annotations

from typing import Any, Literal

from api.http.sse import Event
from api.resources.datasets.responses import GenerationProgress, GenerationResponse
from api.threads import in_thread
from kb.knowledge_base import KnowledgeBase
from kb.types import GenerationCounts, Scope

GenerationEvents = (
    Event[Literal["progress"], GenerationProgress]
    | Event[Literal["generation.ready"], GenerationResponse]
)


class BuildingProgress:
    """What has changed in a generation since it was looked at last."""

    def __init__(self, kb: KnowledgeBase, scope: Scope, dataset_id: str, number: int) -> None:
        self._kb = kb
        self._named = (scope, dataset_id, number)
        self._counts: GenerationCounts | None = None

    async def __call__(self) -> list[tuple[str, Any]]:
        """Events `progress`, at last `generation.ready`. Raises NotFound."""
        generation, counts = await in_thread(self._kb.reindexing.look, *self._named)
        events: list[tuple[str, Any]] = []
        if counts != self._counts:
            events.append(("progress", GenerationProgress.model_validate(counts)))
        if generation.status != "building":
            events.append(("generation.ready", GenerationResponse.of((generation, counts))))
        self._counts = counts
        return events
