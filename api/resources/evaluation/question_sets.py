"""Question sets: what is asked to find out whether searches and answers are good. For admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, Self

from anyio import from_thread
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, NumberedPaging, Paging
from api.idempotency import OnceDep
from api.resources.evaluation.requests import (
    CollectQuestionsBody,
    DraftQuestionsBody,
    ImportOptions,
    QuestionBody,
    QuestionSetBody,
    QuestionSetChange,
)
from api.resources.response import BINARY, ListResponse, binary, takes
from api.resources.response import Response as ResponseModel
from api.threads import in_thread, previewing, read, write
from api.uploads.accepting import content_of
from api.uploads.multipart import json_part, receive_files
from api.uploads.receiving import receiving_files, refuse_empty
from eval.model import LONGEST_REPLY_TOKENS
from eval.question_sets.own import line_of, question_of
from eval.served import sets
from eval.types import Relevant
from kb.chat.ask.chat_models import DEFAULT
from kb.chat.ask.question import ChatRequest
from kb.errors import ModelUnavailable, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Sampling
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing
from kb.store.evaluation import question_sets
from kb.store.evaluation.question_sets import NumberedQuestion
from kb.types import Delta, EvaluationSet, Failed, Limits, Scope

router = APIRouter(prefix="/v1/evaluation/sets", tags=["evaluation"])

Number = Annotated[int, Path(ge=1, le=1_000_000_000)]


class QuestionResponse(ResponseModel):
    """A question of a set, by its number there."""

    number: int
    question: str
    answers: tuple[str, ...]
    need: Literal["any", "all"]
    relevant: tuple[Relevant, ...]
    answerable: bool
    type: str
    language: str
    reference: str

    @classmethod
    def of(cls, found: NumberedQuestion) -> Self:
        """From what is stored."""
        question = question_of(found.question, found.number, "the set")
        names = set(cls.model_fields) - {"number", "question"}
        own = {name: getattr(question, name) for name in names}
        return cls(number=found.number, question=question.text, **own)


class AddedQuestions(ResponseModel):
    """How many questions were added, and how many were there word for word.

    `documents` is how many came along with an imported set.
    """

    added: int
    known: int
    documents: int = 0
    set: EvaluationSet


_FIELDS = {"files": {"type": "array", "items": BINARY}, "options": {"type": "string"}}
_FORM = takes("multipart/form-data", {"type": "object", "properties": _FIELDS})


@router.post("", status_code=201, response_model=EvaluationSet)
async def create_question_set(
    body: QuestionSetBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Make a set without questions."""

    def make(tx: Transaction) -> EvaluationSet:
        if body.dataset_id is not None:
            datasets.get(tx, scope, body.dataset_id)
        return question_sets.add(tx, scope, body.name, body.description, body.dataset_id)

    return await once(partial(write, kb, make))


@router.get("", response_model=ListResponse[EvaluationSet])
async def list_question_sets(kb: KB, scope: AdminScope, page: Paging) -> Listing[EvaluationSet]:
    """The sets, newest first."""
    return await read(kb, question_sets.page, scope, page)


@router.get("/{question_set}")
async def get_question_set(question_set: str, kb: KB, scope: AdminScope) -> EvaluationSet:
    """One set, by id or name."""
    return await read(kb, question_sets.get, scope, question_set)


@router.patch("/{question_set}")
async def change_question_set(
    question_set: str, body: QuestionSetChange, kb: KB, scope: AdminScope
) -> EvaluationSet:
    """Rename or describe a set."""
    values = body.model_dump(exclude_none=True)
    return await write(kb, question_sets.change, scope, question_set, values)


@router.delete("/{question_set}", status_code=204)
async def delete_question_set(question_set: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a set with its questions. Runs keep what they asked."""
    await write(kb, question_sets.remove, scope, question_set)
    return Response(status_code=204)


@router.get("/{question_set}/questions")
async def list_questions(
    question_set: str, kb: KB, scope: AdminScope, page: NumberedPaging
) -> ListResponse[QuestionResponse]:
    """The questions, in their order."""
    found = await read(kb, question_sets.questions_of, scope, question_set, page)
    return ListResponse(data=tuple(map(QuestionResponse.of, found.data)), next=found.next)


@router.post("/{question_set}/questions", status_code=201, response_model=AddedQuestions)
async def add_question(
    question_set: str, body: QuestionBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Write one more question."""
    take = partial(_added, kb, scope, question_set)
    return await once(partial(in_thread, take, lambda: ([body.row(kb, scope, question_set)], 0)))


@router.put("/{question_set}/questions/{number}")
async def change_question(
    question_set: str, number: Number, body: QuestionBody, kb: KB, scope: AdminScope
) -> QuestionResponse:
    """Write a question anew."""
    row = await in_thread(body.row, kb, scope, question_set)
    changed = await write(kb, question_sets.change_question, scope, question_set, number, row)
    return QuestionResponse.of(changed)


@router.delete("/{question_set}/questions/{number}", status_code=204)
async def delete_question(question_set: str, number: Number, kb: KB, scope: AdminScope) -> Response:
    """Delete a question."""
    await write(kb, question_sets.remove_question, scope, question_set, number)
    return Response(status_code=204)


@router.post(
    "/{question_set}/import", status_code=201, response_model=AddedQuestions, openapi_extra=_FORM
)
async def import_questions(
    question_set: str, request: Request, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Add the questions of a file, a zip, or the files of a folder, in any form that
    `kb eval import` knows. `options` is JSON: `documents` puts those that come along into the
    dataset of the set."""
    found = await read(kb, question_sets.get, scope, question_set)
    async with receiving_files(kb) as receiver:
        kind = request.headers.get("content-type", "")
        fields = await receive_files(receiver, kind, request.stream())
        refuse_empty(receiver)
        options = json_part(ImportOptions, fields, "options") or ImportOptions()
        into = found.dataset_id if options.documents else None
        take = partial(sets.from_files, kb, scope, receiver.staged, into)
        content = f"{content_of(receiver)} {options.model_dump_json()}"
        make = partial(previewing, _added, kb, scope, question_set, take)
        return await once(make, content=content)


@router.post("/{question_set}/collect", status_code=201, response_model=AddedQuestions)
async def collect_questions(
    question_set: str, body: CollectQuestionsBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Add the evaluation questions that were made of the review queue."""
    take = partial(sets.reviewed, kb, scope, body.app)
    return await once(partial(in_thread, _added, kb, scope, question_set, lambda: (take(), 0)))


@router.post("/{question_set}/draft", status_code=201, response_model=AddedQuestions)
async def draft_questions(
    question_set: str, body: DraftQuestionsBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Add questions about a dataset's documents: of their headings and sentences, in the documents'
    own words, or by the default language model. Each is kept only if its passage answers it."""
    if body.by_model and kb.chat_models.default.name is None:
        raise Rejected("`by_model`: connect a language model first, or leave it out.")
    reply = partial(_reply, kb, scope)
    say = partial(from_thread.run, reply) if body.by_model else None
    take = partial(sets.drafted, kb, scope, [body.dataset_id], body.count, body.seed, say)
    return await once(partial(previewing, _added, kb, scope, question_set, lambda: (take(), 0)))


@router.get(
    "/{question_set}/export", response_class=Response, responses=binary("application/jsonl")
)
async def export_questions(question_set: str, kb: KB, scope: AdminScope) -> Response:
    """The questions as `kb eval run` reads them: JSON, one a line."""

    def every(tx: Transaction) -> Sequence[NumberedQuestion]:
        return question_sets.every(tx, question_sets.get(tx, scope, question_set).id)

    found = await read(kb, every)
    lines = [line_of(question_of(each.question, each.number, "the set")) for each in found]
    return Response("".join(lines), media_type="application/jsonl")


async def _reply(kb: KnowledgeBase, scope: Scope, text: str) -> str:
    """What the default language model says to a text. Raises ModelUnavailable or Overloaded."""
    request = ChatRequest(text, model=DEFAULT, sampling=Sampling(0.0, LONGEST_REPLY_TOKENS))
    run = await kb.chat.ask(scope, "", request, Limits())
    await run.read_along()
    if isinstance(run.terminal, Failed):
        raise ModelUnavailable(run.terminal.error.detail)
    return "".join(event.text for event in run.events if isinstance(event, Delta))


def _added(
    kb: KnowledgeBase,
    scope: Scope,
    name: str,
    take: Callable[[], tuple[Sequence[Mapping[str, Any]], int]],
) -> AddedQuestions:
    kb.database.reading(question_sets.get, scope, name)
    rows, documents = take()
    with kb.database.write() as tx:
        added = question_sets.add_questions(tx, scope, name, rows)
        found = question_sets.get(tx, scope, name)
    known = len(rows) - len(added)
    return AddedQuestions(added=len(added), known=known, documents=documents, set=found)
