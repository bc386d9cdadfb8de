"""Keeping a stored file: its bytes lie among the originals, so backups hold them."""

from __future__ import annotations

from kb.files.originals import Staged
from kb.ids import new_id, now
from kb.knowledge_base import KnowledgeBase
from kb.store.work import files
from kb.types import Scope, StoredFile


def keep(
    kb: KnowledgeBase,
    scope: Scope,
    name: str,
    content: bytes | Staged,
    purpose: str,
    expires: float | None = None,
) -> StoredFile:
    """Keep bytes, or a staged file. Raises QuotaExceeded or StorageFull; then nothing is stored."""
    if isinstance(content, bytes):
        content = kb.originals.stage([content], max_bytes=len(content))
    what = (purpose, content.sha256, content.size_bytes, now(), scope.key_id, expires)
    file = StoredFile(new_id("file"), name, *what)
    try:
        sent = kb.originals.send([content])
        with kb.database.write() as tx:
            kb.originals.adopt(tx, sent)
            files.add(tx, scope, file)
    except BaseException:  # what got its name before the transaction failed is nobody's
        kb.collect_originals([content.sha256])
        raise
    return file
