"""`kb eval import`: a published set as a folder of ours, for `kb ingest` and `kb eval run`."""

from __future__ import annotations

import shutil
from pathlib import Path

from eval.question_sets.forms import load
from eval.question_sets.own import write
from eval.types import SourceDocument
from kb.errors import Rejected


def import_set(source: Path, out: Path, *, form: str | None = None) -> str:
    """Write questions.jsonl and documents/ into a new folder; returns a line that says so.

    Raises:
        Rejected: the folder exists and is not empty, or a document's name leads out of it.
        UnreadableQuestions: the source is in no form that is known.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Rejected(f"{out} exists already. Name a folder that is new or empty.")
    found = load(source, form=form)
    folder = out / "documents"
    folder.mkdir(parents=True)
    for document in found.documents:
        _place(document, folder)
    write(found.questions, out / "questions.jsonl")
    return (
        f"{len(found.questions)} questions and {len(found.documents)} documents. Next: "
        f"kb ingest {folder} --dataset NAME, then kb eval run {out} --dataset NAME"
    )


def _place(document: SourceDocument, folder: Path) -> None:
    path = folder / document.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Rejected(f"The document name {document.name!r} leads out of the folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if document.path is not None:
        shutil.copyfile(document.path, path)
    else:
        path.write_bytes(document.content())
