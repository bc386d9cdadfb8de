"""The demo knowledge base: the product's own documentation, and an app that answers from it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from ingest.intake.upload import UploadedFile, accept
from kb.errors import ModelUnavailable, NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps
from kb.store.content import datasets
from kb.types import AppContent, Dataset, Scope, Variant

logger = logging.getLogger(__name__)

DATASET = "Product documentation"
SLUG = "docs"
MAX_BYTES = 10 * 1024 * 1024
LONGEST_S = 60.0
"""For another process of a cluster to make it."""


def documentation_folder() -> Path:
    """Where README.md and docs/ lie: beside the packages."""
    return Path(__file__).resolve().parents[2]


def ensure_demo(kb: KnowledgeBase) -> None:
    """Make the demo dataset and app if they are missing, and bring the documents up to date."""
    with kb.database.duty("demo", wait_s=LONGEST_S) as is_ours:
        if not is_ours:
            return
        try:
            _ensure(kb, Scope.admin())
        except ModelUnavailable as exc:
            logger.warning("The demo waits for the next start. %s", exc.detail)


def _ensure(kb: KnowledgeBase, scope: Scope) -> None:
    dataset = kb.database.reading(datasets.find, scope, DATASET)
    if dataset is None:
        dataset = kb.create_dataset(
            scope, DATASET, description="README.md and docs/ of this product"
        )
    if dataset.embedder == kb.embedder.fingerprint:
        _upload(kb, scope, dataset)
    else:
        logger.warning("the demo documents are not updated: they belong to another embedder")
    _ensure_app(kb, scope, dataset)


def _upload(kb: KnowledgeBase, scope: Scope, dataset: Dataset) -> None:
    root = documentation_folder()
    incoming = []
    for path in _documents(root):
        with path.open("rb") as file:
            staged = kb.originals.stage(file, max_bytes=MAX_BYTES)
        incoming.append(UploadedFile(path.relative_to(root).as_posix(), staged))
    if incoming:
        accept(kb, scope, dataset.id, incoming)


def _documents(root: Path) -> Iterator[Path]:
    if (root / "README.md").is_file():
        yield root / "README.md"
    yield from sorted((root / "docs").rglob("*.md"))


def _ensure_app(kb: KnowledgeBase, scope: Scope, dataset: Dataset) -> None:
    with kb.database.write() as tx:
        try:
            apps.get(tx, scope, SLUG)
            return
        except NotFound:
            pass
        app = apps.create(
            tx,
            scope,
            slug=SLUG,
            name="Ask the documentation",
            opening="Ask me about this product. I answer from its own documentation.",
            suggested_questions=(
                "How do I upload documents?",
                "How does search treat Chinese text?",
                "How do I switch to a fine-tuned model?",
            ),
        )
        content = AppContent(dataset_ids=(dataset.id,), base=Variant())
        apps.set_draft(tx, scope, app.id, content, expected=None)
        apps.publish(tx, scope, app.id)
