"""Between tables and the frozen types: their columns, their rows, and JSON that is a type again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter
from pydantic_core import PydanticSerializationError
from sqlalchemy import JSON, Boolean, Column, Dialect, Float, Integer, MetaData, Row, String
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from kb.types import AppContent, Grounded, Span
from kb.types.search import with_new_names

T = TypeVar("T")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Where every table is registered, and how constraints are named."""


class GroundedColumn(TypeDecorator[Any]):
    """Whether an answer rests on sources; a weak one is 2."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The number."""
        return WEAK if value == "weak" else value if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The outcome."""
        return "weak" if value == WEAK else value if value is None else bool(value)


WEAK = 2

_SCALARS: Mapping[Any, TypeEngine[Any]] = {
    str: String(),
    int: Integer(),
    float: Float(),
    bool: Boolean(),
    Grounded: GroundedColumn(),
}


def _with_new_names(content: Any) -> Any:
    """A stored content whose retrieval options may have other names."""
    if not isinstance(content, Mapping):
        return content
    variants = {name: content[name] for name in ("base", "tuned") if content.get(name)}
    for name, variant in variants.items():
        if variant.get("retrieval"):
            variants[name] = {**variant, "retrieval": with_new_names(variant["retrieval"])}
    return {**content, **variants}


CONTENT = Annotated[AppContent, BeforeValidator(_with_new_names)]
"""An app's draft or version; its retrieval options once had other names."""

SPANS = tuple[
    Annotated[
        Span,
        BeforeValidator(lambda triple: Span(*triple)),
        PlainSerializer(lambda span: (span.page, span.start, span.end)),
    ],
    ...,
]
"""Spans, stored as [page, start, end] triples."""


class Stored(TypeDecorator[Any]):
    """JSON of a frozen type; what the type has no field for is passed over when it is read."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The stored form."""
        if value is None:
            return None
        try:
            return _adapter(self.kind).dump_python(value, mode="json", warnings="error")
        except PydanticSerializationError:
            raise TypeError(f"This is not a {self.kind}.") from None  # it may be a hidden prompt

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The type."""
        return None if value is None else stored(self.kind, value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """What a part of the JSON is compared with is not of the type."""
        return self.impl_instance.coerce_compared_value(op, value)


def stored(kind: type[T], value: Any) -> T:
    """A type from its stored form."""
    return cast(T, _adapter(cast(Any, kind)).validate_python(value))


def columns(kind: type, *keys: str, besides: tuple[str, ...] = ()) -> Iterator[Column[Any]]:
    """A column for each field of a frozen type, JSON where it is not a number, text or truth value.

    It may be null where the field may be None, or has a default: rows may be older than a field.

    Args:
        keys: the fields of the primary key.
        besides: fields that are not stored in a column of their own.
    """
    hints = get_type_hints(kind)
    for field in fields(kind):
        if field.name not in besides:
            hint = hints[field.name]
            is_optional = NoneType in get_args(hint)
            of = next(arg for arg in get_args(hint) if arg is not NoneType) if is_optional else hint
            scalar = _SCALARS.get(hint) or _SCALARS.get(of)
            scalar = String() if get_origin(of) is Literal else scalar
            yield Column(
                field.name,
                Stored(of) if scalar is None else scalar,
                primary_key=field.name in keys,
                nullable=is_optional or _has_default(field),
            )


def of_row(kind: type[T], row: Row[*tuple[Any, ...]], **others: Any) -> T:
    """A type from the columns that are called like its fields; of one that is null, the default.

    Args:
        others: fields whose columns are called otherwise.
    """
    columns = row._mapping
    values = {
        name: columns[name]
        for name, is_needed in _fields(cast(Any, kind))
        if name in columns and (is_needed or columns[name] is not None)
    }
    return kind(**{**values, **others})


def to_row(value: Any) -> dict[str, Any]:
    """What the columns hold that are called like a type's fields."""
    return {name: getattr(value, name) for name, _ in _fields(cast(Any, type(value)))}


def _has_default(field: Field[Any]) -> bool:
    """Whether a field needs no value."""
    return field.default is not MISSING or field.default_factory is not MISSING


@lru_cache
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:
    """The names of a type's fields, and whether each needs a value."""
    return tuple((field.name, not _has_default(field)) for field in fields(kind))


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
