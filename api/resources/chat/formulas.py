"""Formulas of answers and passages, for the chat page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import MISSING, Field

from api.deps import ChatCaller
from api.resources.chat.mathml import LONGEST_TEX, mathml_of
from api.resources.fields import Body, Text
from api.resources.response import Response, Sometimes
from api.threads import previewing

MOST = 10

router = APIRouter(tags=["chat"])


class Formula(Body):
    """A formula, as it stands in a text."""

    tex: Annotated[Text, Field(min_length=1, max_length=LONGEST_TEX)]
    block: bool = False
    """Whether it stands in a line of its own."""


class FormulasBody(Body):
    """Formulas that are to be shown."""

    formulas: Annotated[list[Formula], Field(min_length=1, max_length=MOST)]


class MathmlResponse(Response):
    """A formula as MathML; without one where it is not understood, or too deep."""

    mathml: Sometimes[str] = MISSING


class FormulasResponse(Response):
    """The formulas in the order in which they were asked for."""

    data: tuple[MathmlResponse, ...]


@router.post("/v1/formulas")
async def show_formulas(body: FormulasBody, caller: ChatCaller) -> FormulasResponse:
    """TeX as MathML, which browsers show without a script; nothing of it is kept."""
    return FormulasResponse(data=await previewing(_shown, body.formulas))


def _shown(formulas: Sequence[Formula]) -> tuple[MathmlResponse, ...]:
    return tuple(_response(each) for each in formulas)


def _response(formula: Formula) -> MathmlResponse:
    found = mathml_of(formula.tex, block=formula.block)
    return MathmlResponse() if found is None else MathmlResponse(mathml=found)
