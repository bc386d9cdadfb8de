"""Requests about question sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from api.resources.fields import Amount, Body, Id, Name, Text
from eval.question_sets.own import question_of, row_of
from eval.served import sets
from kb.chat.ask.question import MAX_QUERY_CHARACTERS
from kb.knowledge_base import KnowledgeBase
from kb.store.evaluation import question_sets
from kb.types import Scope

Description = Annotated[Text, Field(max_length=2000)]
Question = Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
Count = Annotated[int, Field(ge=1, le=1000)]
PageNumber = Annotated[int, Field(ge=1, le=1_000_000_000)]
Grade = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
MOST_BY_MODEL = 10
Label = Annotated[Text, Field(max_length=200)]


class QuestionSetBody(Body):
    """A new set."""

    name: Name
    description: Description = ""
    dataset_id: Id | None = None
    """The dataset that the questions are about."""


class QuestionSetChange(Body):
    """What changes about a set."""

    name: Name | None = None
    description: Description | None = None


class RelevantBody(Body):
    """What should be found: a document, or the characters `start` to `end` of a page of it. Without
    an `end` those to the end of the page: with `start` 0 the whole page."""

    document: Name
    """Its name in the dataset."""
    page: PageNumber = 1
    start: Amount | None = None
    end: Amount | None = None
    grade: Grade = 1.0


class QuestionBody(Body):
    """A question, as a line of a question set has it."""

    question: Question
    answers: Annotated[list[Text], Field(max_length=100)] = Field(default_factory=list)
    """Right answers, in the words of the document; one is enough."""
    need: Literal["any", "all"] = "any"
    """`all` if every entry of `answers` is needed."""
    relevant: Annotated[list[RelevantBody], Field(max_length=100)] = Field(default_factory=list)
    passage: Text = ""
    """Words of the first relevant document that answer: the server looks where they stand."""
    answerable: bool = True
    """False if the documents do not answer: a refusal is right."""
    type: Label = ""
    language: Label = ""
    reference: Text = ""
    """A right answer in full sentences."""

    def row(self, kb: KnowledgeBase, scope: Scope, name: str) -> Mapping[str, Any]:
        """As it is stored. Raises Rejected where the passage is not found."""
        row = self.model_dump(exclude={"passage"})
        if self.passage.strip() and self.relevant:
            dataset_id = kb.database.reading(question_sets.get, scope, name).dataset_id
            first, *others = row["relevant"]
            place = sets.located(kb, scope, dataset_id, first["document"], self.passage)
            row["relevant"] = [{**first, **place}, *others]
        return row_of(question_of(row, 1, "the request"))


class CollectQuestionsBody(Body):
    """Which questions of the review queue are taken."""

    app: Name | None = None
    """Of one app only, by id or slug."""


class DraftQuestionsBody(Body):
    """How many questions are made of the documents of a dataset."""

    dataset_id: Id
    count: Count = 50
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    by_model: bool = False
    """Lets the default language model write them, which takes it two replies each: ask for a few at
    a time, each time with another seed."""

    @model_validator(mode="after")
    def _few_by_model(self) -> Self:
        if self.by_model and self.count > MOST_BY_MODEL:
            raise ValueError(f"a language model writes at most {MOST_BY_MODEL} at a time")
        return self


class ImportOptions(Body):
    """What becomes of the documents of an imported set."""

    documents: bool = False
    """Puts them into the dataset of the set."""
