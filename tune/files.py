"""Files that fine-tuning keeps: their bytes lie among the originals, so backups hold them."""

from __future__ import annotations

from kb.ids import new_id, now
from kb.knowledge_base import KnowledgeBase
from kb.store.work import files
from kb.types import Scope, StoredFile


def keep(kb: KnowledgeBase, scope: Scope, name: str, data: bytes, purpose: str) -> StoredFile:
    """Keep bytes under a name. Raises QuotaExceeded or StorageFull; then nothing is stored."""
    staged = kb.originals.stage([data], max_bytes=len(data))
    what = (purpose, staged.sha256, staged.size_bytes, now(), scope.key_id, None)
    file = StoredFile(new_id("file"), name, *what)
    try:
        with kb.database.write() as tx:
            kb.originals.adopt([staged])
            files.add(tx, scope, file)
    except BaseException:  # what got its name before the transaction failed is nobody's
        kb.collect_originals([staged.sha256])
        raise
    return file
