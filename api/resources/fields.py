"""What all request models share: unknown fields are refused, because a typo would be silence."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Body(BaseModel):
    """The JSON body of a request, or a part of one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character U+0000")
    return text


def _stripped(text: str) -> str:
    """Measured before and stripped after, so that the described length is the one that counts."""
    stripped = text.strip()
    if not stripped:
        raise ValueError("must hold more than blanks")
    return stripped


Text = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_without_nul)]
"""Any text of a sensible length."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_without_nul),
    AfterValidator(_stripped),
]
"""A name that people read."""

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
"""A name that stands in addresses."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""An app's name in addresses: lower-case letters, digits and hyphens."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_without_nul)]
"""An identifier that the server gave out."""
