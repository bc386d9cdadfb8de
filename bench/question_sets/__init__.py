"""Forms of published question sets that only benchmarks use, beside those of `kb eval import`."""

from __future__ import annotations

from pathlib import Path

from bench.question_sets import chunking_spans, hotpot, kg_rag, manual, novel, rgb, statutes, trec
from eval.question_sets import forms
from eval.question_sets.forms import Form
from eval.types import QuestionSet

FORMS = {
    **forms.FORMS,
    "chunking_spans": Form(chunking_spans.recognises, chunking_spans.load),
    "hotpot": Form(hotpot.recognises, hotpot.load),
    "rgb": Form(rgb.recognises, rgb.load),
    "trec": Form(trec.recognises, trec.load),
    "kg_rag": Form(kg_rag.recognises, kg_rag.load),
    "manual": Form(manual.recognises, manual.load),
    "novel": Form(novel.recognises, novel.load),
    "statutes": Form(statutes.recognises, statutes.load),
}


def load(source: str | Path) -> QuestionSet:
    """The questions of a file or folder, as `eval.question_sets.forms.load` returns them."""
    return forms.load(source, forms=FORMS)
