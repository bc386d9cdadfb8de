"""What all response models share. Each is read from a domain type, attribute by attribute, so what
is not declared never leaves: secrets and hidden prompts have no field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
)
from starlette.responses import Response as RawResponse

T = TypeVar("T")


class Response(BaseModel):
    """The JSON body of an answer, or a part of one."""

    model_config = ConfigDict(
        frozen=True, from_attributes=True, serialize_by_alias=True, use_attribute_docstrings=True
    )


class ListResponse(Response, Generic[T]):
    """A part of a list; `next` is the cursor of the rest, null at the end."""

    # The source of a list's type is not at hand: pydantic would look for it in every module.
    model_config = ConfigDict(use_attribute_docstrings=False)

    data: tuple[T, ...]
    next: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`KeyList` for a list of `KeyResponse`."""
        name: str = params[0].__name__
        return name.removesuffix("Response") + "List"


def unless(default: object) -> BeforeValidator:
    """Leaves a field out where it has its default."""
    return BeforeValidator(lambda value: MISSING if value == default else value)


def json_response(
    value: Response, status: int = 200, headers: Mapping[str, str] | None = None
) -> RawResponse:
    """A response model with headers of its own."""
    return RawResponse(value.model_dump_json(), status, headers, "application/json")


BINARY = {"type": "string", "format": "binary"}


def takes(media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """How an operation declares a body that it reads itself."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def binary(media_type: str) -> dict[int | str, dict[str, Any]]:
    """How an operation declares that it answers with bytes."""
    return {200: {"content": {media_type: {"schema": BINARY}}}}


Sometimes = Annotated[T | MISSING, unless(None)]
"""A field that is left out where there is nothing to say."""

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in UTC."""

Score = Annotated[float, AfterValidator(partial(round, ndigits=6))]
