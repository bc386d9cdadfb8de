"""Where the questions of a set come from: files, the review queue, and documents themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from eval.generate.generating import Say, passages, questions_of
from eval.question_sets.forms import load
from eval.question_sets.own import question_of, row_of
from eval.question_sets.texts import place_of
from ingest.intake.archives import MemberStream
from ingest.intake.expansion import contents
from ingest.intake.upload import UploadedFile, accept
from ingest.sniff.package_types import is_archive
from kb.apps import reviewing
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.content import chunks, datasets, documents, pages
from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest
from kb.types import Document, Scope

T = TypeVar("T")
Row = dict[str, Any]
"""A question as a question set has it (docs/using/evaluating.md)."""


def checked(rows: Sequence[Mapping[str, Any]], where: str) -> list[Row]:
    """Questions in the form that is stored. Raises UnreadableQuestions."""
    return [row_of(question_of(row, number, where)) for number, row in enumerate(rows, start=1)]


def from_files(
    kb: KnowledgeBase, scope: Scope, files: Sequence[UploadedFile], dataset_id: str | None
) -> tuple[list[Row], int]:
    """The questions of a set in any form that `kb eval import` knows, and how many documents came
    along.

    Args:
        files: one file, a folder's files with their relative names, or a zip of them.
        dataset_id: where the documents of the set go, None leaves them out.

    Raises:
        UnreadableQuestions, UnreadableFile: it is in no known form, or damaged.
        NotFound, QuotaExceeded, StorageFull: the documents could not be taken.
    """
    with TemporaryDirectory(prefix="questions-") as name:
        folder = Path(name)
        for file in files:
            _unpack(kb, file, folder)
        found = load(_source(folder))
        if dataset_id is not None and found.documents:
            most = kb.settings.ingest.max_file_bytes
            staged = [
                UploadedFile(each.name, kb.originals.stage([each.content()], max_bytes=most))
                for each in found.documents
            ]
            accept(kb, scope, dataset_id, staged)
        return [row_of(question) for question in found.questions], len(found.documents)


def reviewed(kb: KnowledgeBase, scope: Scope, app: str | None) -> list[Row]:
    """The evaluation questions that the review queue has made, of one app or all."""
    done = reviewing.groups(kb, scope, app, is_done=True)
    reviews = (group[0].message.review or {} for group in done)
    made = [each["made"] for each in reviews if each["as"] == "evaluation_question"]
    return checked(made, "the review queue")


def drafted(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_ids: Sequence[str],
    count: int,
    seed: int,
    say: Say | None = None,
) -> list[Row]:
    """Questions about documents of some datasets, as `kb eval generate` makes them: by a language
    model, or of headings and sentences. Raises NotFound, and what the model raises."""
    listed: list[Document] = []
    for dataset_id in dataset_ids:
        listed += _all(kb, documents.page, scope, dataset_id)

    def chunks_of(document_id: str) -> Iterator[Row]:
        return (asdict(each) for each in _all(kb, chunks.of_document, scope, document_id))

    chosen = passages(map(asdict, listed), chunks_of, count, seed)
    return [row_of(question) for question in questions_of(chosen, count, say)]


def located(kb: KnowledgeBase, scope: Scope, dataset_id: str | None, name: str, words: str) -> Row:
    """Where words of a document stand, as a relevant part.

    Raises:
        NotFound: the dataset is gone.
        Rejected: the set names no dataset, or there is no such document, or it does not say so.
    """
    if dataset_id is None:
        raise Rejected("`passage`: give the set a `dataset_id`, so that the words can be found.")
    kb.database.reading(datasets.get, scope, dataset_id)
    found = _all(kb, documents.page, scope, dataset_id, q=name)
    document = next((each for each in found if each.name == name), None)
    if document is None:
        raise Rejected(f"`passage`: there is no document {name!r} in the dataset of the set.")
    for page in _all(kb, pages.of_document, scope, document.id):
        if (place := place_of(page.text, words.strip())) is not None:
            return {"document": name, "page": page.number, "start": place[0], "end": place[1]}
    raise Rejected(f"`passage`: {name!r} does not say this. Copy the words from the document.")


def _all(kb: KnowledgeBase, query: Callable[..., Listing[T]], *args: Any, **named: Any) -> list[T]:
    """Every item of a list, page after page."""
    found: list[T] = []
    request: PageRequest | None = PageRequest(MAX_LIMIT)
    while request is not None:
        part = kb.database.reading(query, *args, request, **named)
        found += part.data
        request = PageRequest(MAX_LIMIT, part.next) if part.next else None
    return found


def _unpack(kb: KnowledgeBase, file: UploadedFile, folder: Path) -> None:
    if not is_archive(file.staged.head, file.name):
        _place(folder, file.name, file.staged.path.read_bytes())
        return
    with file.staged.path.open("rb") as source:
        for member in contents(source, kb.settings.ingest.max_file_bytes).members:
            if member.refusal is not None:
                raise member.refusal
            _place(folder, member.name, b"".join(MemberStream(source, member)))


def _place(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Rejected(f"The name {name[:80]!r} leads out of the folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _source(folder: Path) -> Path:
    """The one file or folder that everything lies in, or the folder itself."""
    while len(inside := list(folder.iterdir())) == 1:
        if not inside[0].is_dir() or inside[0].name == "documents":
            return inside[0]
        folder = inside[0]
    return folder
