"""Lists in parts as OpenAI's clients page them: from the id of the last item seen, or up to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query

from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest

T = TypeVar("T")

ItemId = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is asked for; a part before an item is read from there backwards."""

    request: PageRequest
    newest_first: bool
    is_backwards: bool

    def listed(self, found: Listing[T], present: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
        """The part as the clients read it."""
        data = [present(each) for each in found.data]
        if self.is_backwards:
            data.reverse()
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return {"object": "list", "data": data, **ends, "has_more": found.next is not None}


async def get_paging(
    limit: Annotated[int, Query(ge=1, le=10_000)] = MAX_LIMIT,
    order: Literal["asc", "desc"] = "desc",
    after: ItemId = None,
    before: ItemId = None,
) -> Paging:
    """The query of a list; at most 500 items come at once."""
    is_backwards = before is not None and after is None
    newest_first = (order == "desc") != is_backwards
    return Paging(PageRequest(limit, after or before), newest_first, is_backwards)


PagingDep = Annotated[Paging, Depends(get_paging)]
