"""Loading a set of questions in any form that is known, and bringing one into ours."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from eval.question_sets import beir, own, squad
from eval.question_sets.texts import UnreadableQuestions
from eval.types import QuestionSet, SourceDocument
from kb.errors import Rejected


class Form(NamedTuple):
    """How a form of question sets is known and read."""

    recognises: Callable[[Path], bool]
    load: Callable[[Path], QuestionSet]


FORMS: Mapping[str, Form] = {
    "own": Form(own.recognises, own.load),
    "beir": Form(beir.recognises, beir.load),
    "squad": Form(squad.recognises, squad.load),
}
"""Forms by name; the first that recognises a path is taken."""


def load(
    source: str | Path, *, form: str | None = None, forms: Mapping[str, Form] = FORMS
) -> QuestionSet:
    """The questions of a file or folder, with the documents that come along.

    Args:
        source: a file or a folder.
        form: a name in `forms`; None looks which one it is.
        forms: those that are known.

    Raises:
        UnreadableQuestions: nothing is there, it is in no known form, or it breaks the form.
    """
    path = Path(source)
    if not path.exists():
        raise UnreadableQuestions(f"There is no file or folder {path}.")
    if form is not None and form not in forms:
        raise UnreadableQuestions(f"No form is called {form!r}. There are {', '.join(forms)}.")
    chosen = forms[form] if form else _recognised(path, forms)
    try:
        found = chosen.load(path)
    except (KeyError, TypeError, ValueError) as exc:
        raise UnreadableQuestions(
            f"{path.name} breaks its form: {type(exc).__name__} {exc}."
        ) from exc
    if not found.questions:
        raise UnreadableQuestions(f"{path.name} holds no question about its documents. Add one.")
    return found


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
    own.write(found.questions, out / "questions.jsonl")
    return (
        f"{len(found.questions)} questions and {len(found.documents)} documents. Next: "
        f"kb ingest {folder} --dataset NAME, then kb eval run {out} --dataset NAME"
    )


def _recognised(path: Path, forms: Mapping[str, Form]) -> Form:
    for form in forms.values():
        if form.recognises(path):
            return form
    raise UnreadableQuestions(
        f"{path.name} is in no form that is known ({', '.join(forms)}). "
        "docs/using/evaluating.md shows how to write one."
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
