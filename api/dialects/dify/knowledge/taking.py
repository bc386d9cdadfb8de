"""One text or file, taken as a document or as the next version of one.

In Dify several documents may have one name. Here a name belongs to one document, so a new one gets
a number where its name is taken by another text; the same text under the same name stays one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from api.dialects.dify.knowledge.process_rules import settle
from api.dialects.dify.knowledge.requests import DocumentOptions
from api.threads import read, write
from ingest.intake.upload import Acceptance, Rejection, UploadedFile, accept, checked_name
from ingest.sniff.media_types import PLAIN, sniff
from ingest.sniff.package_types import is_archive
from kb.errors import KnowledgeBaseError, NotFound, Rejected, TooLarge, UnsupportedMedia
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.types import Dataset, Document, Scope


@dataclass(frozen=True, slots=True)
class Taken:
    """A document that was taken, in its dataset, and the batch in which its progress is asked."""

    document: Document
    dataset: Dataset
    batch_id: str


@dataclass(frozen=True, slots=True)
class Taking:
    """Where something is taken, and for whom."""

    kb: KnowledgeBase
    scope: Scope
    dataset: Dataset

    def new(self, file: UploadedFile) -> Taken:
        """Take a file as a new document. Raises Rejected, UnsupportedMedia or TooLarge."""
        sha256, name = file.staged.sha256, checked_name(file.name)
        free = partial(documents.free_name, gives_way=lambda row: bool(row.sha256 == sha256))
        named = replace(file, name=self.kb.database.reading(free, self.dataset.id, name))

        def check(tx: Transaction, found: Acceptance) -> None:
            self._check_processing(tx)
            if any(each.sha256 != sha256 for each in found.accepted):
                raise Rejected("Another document took this name just now. Send it again.")

        own = (self.kb, self.scope, self.dataset.id, [named])
        return self._taken(accept(*own, mode="skip", on_accepted=check))

    def again(self, document: Document, file: UploadedFile) -> Taken:
        """Take a file as the next version of a document, under the file's name."""
        name, head = checked_name(file.name), file.staged.head
        if is_archive(head, name):
            raise Rejected("A document cannot become an archive. Create documents of its files.")
        media_type = file.media_type or sniff(head, name)
        named = replace(file, name=document.name, media_type=media_type)

        def check(tx: Transaction, found: Acceptance) -> None:
            self._check_processing(tx)
            if found.accepted[0].id != document.id:
                raise NotFound("document", document.id)
            if name != document.name:
                documents.rename(tx, self.scope, document.id, name)

        return self._taken(accept(self.kb, self.scope, self.dataset.id, [named], on_accepted=check))

    def _check_processing(self, tx: Transaction) -> None:
        """Another first document may have settled another way meanwhile."""
        if datasets.get(tx, self.scope, self.dataset.id).processing != self.dataset.processing:
            raise Rejected("The dataset was set to another `process_rule` just now. Send it again.")

    def _taken(self, found: Acceptance) -> Taken:
        if found.batch_id is None:
            raise _refusal(found.rejected[0])
        document_id = found.accepted[0].id
        document = self.kb.database.reading(documents.get, self.scope, document_id)
        return Taken(document, self.dataset, found.batch_id)


async def taking(
    kb: KnowledgeBase, scope: Scope, dataset_id: str, options: DocumentOptions
) -> Taking:
    """Where a document goes, processed as it asks. Raises Rejected or NotAllowed."""
    wanted = options.process_rule.to_processing() if options.process_rule else None
    found = await read(kb, datasets.get, scope, dataset_id)
    if options.doc_form is not None or wanted not in (None, found.processing):
        found = await write(kb, settle, scope, dataset_id, wanted, options.doc_form)
    return Taking(kb, scope, found)


def as_text(file: UploadedFile) -> UploadedFile:
    """A file that was sent as a text: it is no mail or PDF, whatever its name and first line."""
    media_type = sniff(file.staged.head, checked_name(file.name))
    return replace(file, media_type=media_type if media_type.startswith("text/") else PLAIN)


def _refusal(rejection: Rejection) -> KnowledgeBaseError:
    families: tuple[type[KnowledgeBaseError], ...] = (UnsupportedMedia, TooLarge)
    family = next((each for each in families if each.code == rejection.code), Rejected)
    return family(rejection.detail)
