"""Training sets: named series of versions of rows, with a report each. For admins."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, NumberedPaging, Paging
from api.idempotency import OnceDep
from api.resources.fields import Body, Name
from api.resources.response import BINARY, ListResponse, binary, takes
from api.threads import in_thread, previewing, read, write
from api.uploads.accepting import content_of
from api.uploads.multipart import json_part, receive_files
from api.uploads.receiving import only_file, receiving_files
from kb.store.engine.paging import Listing
from kb.store.tuning import training_sets
from kb.types import TrainingSet, TrainingSetVersion
from tune.rows import forms
from tune.rows.shapes import FormOptions
from tune.sets import versions
from tune.sets.of_app import SOURCES, Source, rows_of_app
from tune.sets.versions import VersionOptions
from tune.types import Origin, TrainingRow

router = APIRouter(prefix="/v1/tuning/sets", tags=["tuning"])

Share = Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=2000)]
Number = Annotated[int, Field(ge=0, lt=1 << 31)]
Version = Annotated[int, Path(ge=1, le=1_000_000_000)]


class TrainingSetBody(Body):
    """A new set."""

    name: Name
    description: Text = ""


class VersionBody(Body):
    """How rows become a version."""

    append: bool = False
    """Puts them behind those of the newest version, each once."""
    valid: Share = 0.0
    """Share of rows to hold out, by whole groups; with one, all rows are split anew."""
    test: Share = 0.0
    seed: Number = 0
    origin: Origin | None = None
    note: Text = ""


class UploadOptions(VersionBody):
    """How a file is read, and becomes a version."""

    form: Name | None = None
    columns: dict[str, Text] = Field(default_factory=dict)
    """Column, or text with columns in braces, of question, answer, system, group and so on."""
    separator: Text = ""
    stop: Text = ""


class CollectBody(VersionBody):
    """Which answers of an app become rows."""

    app: Name
    sources: list[Source] = Field(default_factory=lambda: list(SOURCES))
    append: bool = True


class Refusal(Body):
    """A candidate that is not wanted."""

    row: Number
    reason: Text = ""


class VerdictBody(Body):
    """What a person says of candidates: rows of a version of the set `candidates`."""

    candidates: Name
    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
    accepted: list[Number] = Field(default_factory=list)
    refused: list[Refusal] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row and its number in the version, from 0."""

    number: int
    row: TrainingRow


@dataclass(frozen=True, slots=True)
class Verdict:
    """The version that has the accepted rows, if there are any, and that of what is left."""

    accepted: TrainingSetVersion | None
    candidates: TrainingSetVersion


_FIELDS = {
    "file": BINARY,
    "options": {"type": "string", "description": "JSON: append, valid, test, seed, origin, note, "
                "form, columns, separator, stop"},
}  # fmt: skip
_FORM = takes(
    "multipart/form-data", {"type": "object", "properties": _FIELDS, "required": ["file"]}
)


@router.post("", status_code=201, response_model=TrainingSet)
async def create_training_set(
    body: TrainingSetBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Make a set without versions."""

    async def create() -> TrainingSet:
        return await write(kb, training_sets.add, scope, body.name, body.description)

    return await once(create)


@router.get("", response_model=ListResponse[TrainingSet])
async def list_training_sets(kb: KB, scope: AdminScope, page: Paging) -> Listing[TrainingSet]:
    """The sets, oldest first."""
    return await read(kb, training_sets.page, scope, page)


@router.get("/{training_set}")
async def get_training_set(training_set: str, kb: KB, scope: AdminScope) -> TrainingSet:
    """One set, by id or name."""
    return await read(kb, training_sets.get, scope, training_set)


@router.delete("/{training_set}", status_code=204)
async def delete_training_set(training_set: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a set with its versions. Jobs that have read them keep their rows."""
    await in_thread(versions.remove, kb, scope, training_set)
    return Response(status_code=204)


@router.get("/{training_set}/versions", response_model=ListResponse[TrainingSetVersion])
async def list_training_set_versions(
    training_set: str, kb: KB, scope: AdminScope, page: NumberedPaging
) -> Listing[TrainingSetVersion]:
    """The versions with their reports, newest first."""
    return await read(kb, training_sets.versions_of, scope, training_set, page)


@router.post(
    "/{training_set}/versions",
    status_code=201,
    openapi_extra=_FORM,
    response_model=TrainingSetVersion,
)
async def upload_training_set_version(
    training_set: str, request: Request, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Make a file of rows, in any form, the next version; what blocks training is in its report."""
    await read(kb, training_sets.get, scope, training_set)
    async with receiving_files(kb) as receiver:
        kind = request.headers.get("content-type", "")
        fields = await receive_files(receiver, kind, request.stream())
        file = only_file(receiver)
        options = json_part(UploadOptions, fields, "options") or UploadOptions()

        def make() -> TrainingSetVersion:
            how = options.to(FormOptions)
            rows, found = forms.read(
                file.staged.path.read_bytes(), file.name, form=options.form, options=how
            )
            return versions.add(kb, scope, training_set, rows, options.to(VersionOptions), found)

        content = f"{content_of(receiver)} {options.model_dump_json()}"
        return await once(partial(previewing, make), content=content)


@router.post("/{training_set}/collect", status_code=201, response_model=TrainingSetVersion)
async def collect_training_set_version(
    training_set: str, body: CollectBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Make rows of an app's fixed, better, approved and liked answers the next version."""

    def make() -> TrainingSetVersion:
        rows = kb.database.reading(rows_of_app, scope, body.app, body.sources)
        return versions.add(kb, scope, training_set, rows, body.to(VersionOptions))

    return await once(partial(previewing, make))


@router.post("/{training_set}/verdicts", status_code=201, response_model=Verdict)
async def judge_candidates(
    training_set: str, body: VerdictBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Move the accepted candidates into this set; those refused stay, with why, as bad examples."""
    refused = {each.row: each.reason for each in body.refused}

    def make() -> Verdict:
        made = versions.judge(
            kb, scope, training_set, body.candidates,
            accepted=body.accepted, refused=refused, version=body.version,
        )  # fmt: skip
        return Verdict(*made)

    return await once(partial(in_thread, make))


@router.get("/{training_set}/versions/{number}/rows", response_model=ListResponse[NumberedRow])
async def list_training_rows(
    training_set: str, number: Version, kb: KB, scope: AdminScope, page: NumberedPaging
) -> Listing[NumberedRow]:
    """The rows of a version, in their order."""
    found = await read(kb, training_sets.version, scope, training_set, number)
    rows = await in_thread(versions.rows, kb, found)
    start = int(page.cursor or 0)
    shown = tuple(
        NumberedRow(number, row)
        for number, row in enumerate(rows[start : start + page.limit], start=start)
    )
    more = start + page.limit < len(rows)
    return Listing(shown, str(start + page.limit) if more else None)


@router.get(
    "/{training_set}/versions/{number}/export",
    response_class=Response,
    responses=binary("application/octet-stream"),
)
async def export_training_set_version(
    training_set: str,
    number: Version,
    kb: KB,
    scope: AdminScope,
    to: Annotated[str, Query(max_length=40)] = "canonical",
    separator: Annotated[str, Query(max_length=100)] = "",
    stop: Annotated[str, Query(max_length=100)] = "",
    model: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The file of a target, or a tar where it has several. `X-Findings` says what was lost."""
    found = await read(kb, training_sets.version, scope, training_set, number)

    def make() -> Response:
        options = FormOptions(separator=separator, stop=stop, model=model)
        written = forms.write(versions.rows(kb, found), to, options)
        name, data = _packed(written)
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "x-findings": json.dumps([asdict(each) for each in written.findings]),
        }
        return Response(data, 200, headers, "application/octet-stream")

    return await previewing(make)


def _packed(written: forms.Export) -> tuple[str, bytes]:
    if len(written.files) == 1:
        return next(iter(written.files.items()))
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in written.files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return "training.tar", target.getvalue()
