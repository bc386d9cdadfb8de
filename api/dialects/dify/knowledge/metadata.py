"""Fields of metadata. One is there as soon as a document has it: its id is its type and name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.dialects.dialect import Body
from api.dialects.dify.knowledge.metadata_conditions import number
from api.dialects.dify.knowledge.places import InDataset, IntoDataset, document_in
from api.dialects.dify.knowledge.records import Record, field_record
from api.dialects.dify.wire.fields import SUCCESS
from api.resources.fields import Id, Name
from api.threads import read, write
from kb.metadata import checked_metadata
from kb.store.content import documents
from kb.store.engine.database import Transaction
from kb.types import Scope

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["metadata"])


class FieldName(Body):
    """Another name of a field."""

    name: Name


class FieldBody(FieldName):
    """A field that documents may have."""

    type: Literal["string", "number", "time"]


class FieldValue(Body):
    """What a document has in a field; null takes it out."""

    id: Name
    name: Name | None = None
    value: Any = None


class DocumentFields(Body):
    """The metadata of a document, or with `partial_update` what changes in it."""

    document_id: Id
    metadata_list: Annotated[tuple[FieldValue, ...], Field(max_length=100)]
    partial_update: bool = False


class FieldsBody(Body):
    """The metadata of some documents."""

    operation_data: Annotated[tuple[DocumentFields, ...], Field(max_length=500)]


@router.get("/metadata")
async def list_fields(at: InDataset) -> Record:
    """The fields that documents of a dataset have."""
    found = await read(at.kb, documents.metadata_fields, at.scope, at.dataset.id)
    shown = [
        field_record("number" if is_number else "string", name) | {"count": n, "use_count": n}
        for name, is_number, n in found
    ]
    return {"doc_metadata": shown, "built_in_field_enabled": True}


@router.post("/metadata", status_code=201)
async def create_field(body: FieldBody, at: IntoDataset) -> Record:
    """The id of a field; it need not be made before a document has it."""
    checked_metadata({body.name: ""})
    return field_record(body.type, body.name)


@router.patch("/metadata/{metadata_id}")
async def rename_field(metadata_id: str, body: FieldName, at: IntoDataset) -> Record:
    """Rename a field in all documents."""
    kind, name = _of_id(metadata_id)
    checked_metadata({body.name: ""})
    await write(at.kb, documents.rename_field, at.scope, at.dataset.id, name, body.name)
    return field_record(kind or "string", body.name)


@router.delete("/metadata/{metadata_id}", status_code=204)
async def delete_field(metadata_id: str, at: IntoDataset) -> Response:
    """Take a field out of all documents."""
    name = _of_id(metadata_id)[1]
    await write(at.kb, documents.rename_field, at.scope, at.dataset.id, name, None)
    return Response(status_code=204)


@router.post("/documents/metadata")
async def set_fields(body: FieldsBody, at: IntoDataset) -> Record:
    """Give documents metadata: all of them, or none."""
    await write(at.kb, _set_fields, at.scope, at.dataset.id, body)
    return SUCCESS


def _set_fields(tx: Transaction, scope: Scope, dataset_id: str, body: FieldsBody) -> None:
    for each in body.operation_data:
        document = document_in(tx, scope, dataset_id, each.document_id)
        found = dict(document.metadata) if each.partial_update else {}
        for field in each.metadata_list:
            kind, name = _of_id(field.id)
            found[field.name or name] = _value(kind, name, field.value)
        kept = {name: value for name, value in found.items() if value is not None}
        documents.set_metadata(tx, {document.id: checked_metadata(kept)})


def _of_id(field_id: str) -> tuple[str | None, str]:
    kind, dot, name = field_id.partition(".")
    return (kind, name) if dot and kind in ("string", "number", "time") else (None, field_id)


def _value(kind: str | None, name: str, value: Any) -> Any:
    """Dify's clients send numbers as texts."""
    if kind is None or value is None:
        return value
    return str(value) if kind == "string" else number(name, value)
