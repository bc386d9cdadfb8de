"""One text or file, taken as a document or as the next version of one.

In Dify several documents may have one name. Here a name belongs to one document, so a new one gets
a number where its name is taken by another text; the same text under the same name stays one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from api.dialects.dialect import Body
from api.dialects.dify.knowledge.places import Place
from api.dialects.dify.knowledge.process_rules import DocForm, ProcessRule, settle
from api.dialects.dify.knowledge.records import Record, document_record
from api.threads import in_file_thread, write
from ingest.intake.upload import Acceptance, UploadedFile, accept, checked_name
from ingest.sniff.media_types import PLAIN, sniff
from ingest.sniff.package_types import is_archive
from kb.errors import KnowledgeBaseError, NotFound, Rejected, TooLarge, UnsupportedMedia
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.types import Document


class DocumentOptions(Body):
    """How a document is processed; models and retrieval of one mean nothing here."""

    process_rule: ProcessRule | None = None
    doc_form: DocForm | None = None


async def take(
    at: Place, options: DocumentOptions, file: UploadedFile, old: Document | None = None
) -> Record:
    """What Dify answers to a file: its document, and the batch in which its progress is asked.

    Raises:
        NotAllowed: the key may not process the dataset's documents so.
        Rejected, UnsupportedMedia, TooLarge: the file or its processing is not taken.
    """
    rule = options.process_rule
    wanted = (rule and rule.to_processing()) or at.dataset.processing
    if options.doc_form is not None or wanted != at.dataset.processing:
        settled = await write(at.kb, settle, at.scope, at.dataset, wanted, options.doc_form)
        at = at._replace(dataset=settled)
    taking = partial(_new, at) if old is None else partial(_again, at, old)
    document, batch_id = await in_file_thread(taking, file)
    return {"document": document_record(document, at.dataset), "batch": batch_id}


def as_text(file: UploadedFile) -> UploadedFile:
    """A file that was sent as a text: it is no mail or PDF, whatever its name and first line."""
    media_type = sniff(file.staged.head, checked_name(file.name))
    return replace(file, media_type=media_type if media_type.startswith("text/") else PLAIN)


def _new(at: Place, file: UploadedFile) -> tuple[Document, str]:
    sha256 = file.staged.sha256
    free = partial(documents.free_name, gives_way=lambda row: bool(row.sha256 == sha256))
    name = at.kb.database.reading(free, at.dataset.id, checked_name(file.name))

    def check(tx: Transaction, found: Acceptance) -> None:
        _check_processing(tx, at)
        if any(each.sha256 != sha256 for each in found.accepted):
            raise Rejected("Another document took this name just now. Send it again.")

    own = (at.kb, at.scope, at.dataset.id, [replace(file, name=name)])
    return _taken(at, accept(*own, mode="skip", on_accepted=check))


def _again(at: Place, old: Document, file: UploadedFile) -> tuple[Document, str]:
    name, head = checked_name(file.name), file.staged.head
    if is_archive(head, name):
        raise Rejected("A document cannot become an archive. Create documents of its files.")
    named = replace(file, name=old.name, media_type=file.media_type or sniff(head, name))

    def check(tx: Transaction, found: Acceptance) -> None:
        _check_processing(tx, at)
        if found.accepted[0].id != old.id:
            raise NotFound("document", old.id)
        if name != old.name:
            documents.rename(tx, at.scope, old.id, name)

    return _taken(at, accept(at.kb, at.scope, at.dataset.id, [named], on_accepted=check))


def _check_processing(tx: Transaction, at: Place) -> None:
    """Another first document may have settled another way meanwhile."""
    if datasets.get(tx, at.scope, at.dataset.id).processing != at.dataset.processing:
        raise Rejected("The dataset was set to another `process_rule` just now. Send it again.")


def _taken(at: Place, found: Acceptance) -> tuple[Document, str]:
    if found.batch_id is None:
        raise _refusal(found)
    document_id = found.accepted[0].id
    return at.kb.database.reading(documents.get, at.scope, document_id), found.batch_id


def _refusal(found: Acceptance) -> KnowledgeBaseError:
    (refused,) = found.rejected
    families: tuple[type[KnowledgeBaseError], ...] = (UnsupportedMedia, TooLarge)
    family = next((each for each in families if each.code == refused.code), Rejected)
    return family(refused.detail)
