"""Loading a set of questions in any form that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from eval.importers import (
    beir,
    chunking_spans,
    hotpot,
    kg_rag,
    novel,
    own,
    rgb,
    squad,
    statutes,
    trec,
)
from eval.importers.texts import UnreadableQuestions
from eval.types import QuestionSet


class Form(NamedTuple):
    """How a form of question sets is known and read."""

    recognises: Callable[[Path], bool]
    load: Callable[[Path], QuestionSet]


FORMS: Mapping[str, Form] = {
    "own": Form(own.recognises, own.load),
    "beir": Form(beir.recognises, beir.load),
    "chunking_spans": Form(chunking_spans.recognises, chunking_spans.load),
    "squad": Form(squad.recognises, squad.load),
    "hotpot": Form(hotpot.recognises, hotpot.load),
    "rgb": Form(rgb.recognises, rgb.load),
    "trec": Form(trec.recognises, trec.load),
    "kg_rag": Form(kg_rag.recognises, kg_rag.load),
    "novel": Form(novel.recognises, novel.load),
    "statutes": Form(statutes.recognises, statutes.load),
}
"""Forms by name; the first that recognises a path is taken."""


def load(source: str | Path, *, form: str | None = None) -> QuestionSet:
    """The questions of a file or folder, with the documents that come along.

    Args:
        source: a file or a folder.
        form: a name in `FORMS`; None looks which one it is.

    Raises:
        UnreadableQuestions: nothing is there, it is in no known form, or it breaks the form.
    """
    path = Path(source)
    if not path.exists():
        raise UnreadableQuestions(f"There is no file or folder {path}.")
    if form is not None and form not in FORMS:
        raise UnreadableQuestions(f"No form is called {form!r}. There are {', '.join(FORMS)}.")
    chosen = FORMS[form] if form else _recognised(path)
    try:
        found = chosen.load(path)
    except (KeyError, TypeError, ValueError) as exc:
        raise UnreadableQuestions(
            f"{path.name} breaks its form: {type(exc).__name__} {exc}."
        ) from exc
    if not found.questions:
        raise UnreadableQuestions(f"{path.name} holds no question about documents that are there.")
    return found


def _recognised(path: Path) -> Form:
    for form in FORMS.values():
        if form.recognises(path):
            return form
    raise UnreadableQuestions(
        f"{path.name} is in no form that is known ({', '.join(FORMS)}). "
        "docs/using/evaluating.md shows how to write one."
    )
