"""What scripts send with documents. Models and retrieval of a document mean nothing here."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from api.dialects.dialect import Body
from api.dialects.dify.knowledge.process_rules import DocForm, ProcessRule
from api.resources.fields import Id, Name

Title = Annotated[Name | None, BeforeValidator(lambda value: value or None)]
Content = Annotated[str, Field(min_length=1)]
"""As long as the body of a request may be."""


class DocumentOptions(Body):
    """How a document is processed."""

    process_rule: ProcessRule | None = None
    doc_form: DocForm | None = None


class TextBody(DocumentOptions):
    """A new document of a text."""

    name: Name
    text: Content


class TextChange(DocumentOptions):
    """Another text or name of a document."""

    name: Title = None
    text: Annotated[Content | None, BeforeValidator(lambda value: value or None)] = None


class FileOptions(DocumentOptions):
    """What comes with a file: another name than its own, or which document it is a version of."""

    name: Title = None
    original_document_id: Annotated[Id | None, BeforeValidator(lambda value: value or None)] = None
