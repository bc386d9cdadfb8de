"""Requests about access keys and signing in."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from api.schemas.common import Body, Id, Text


class KeyBody(Body):
    """A new key: for datasets, for one app, or for everything."""

    kind: Literal["dataset", "app", "admin"]
    dataset_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    """The datasets that a dataset key opens."""
    app: Id | None = None
    """Id or slug of the app that an app key opens."""
    name: Annotated[Text, StringConstraints(max_length=200)] = ""

    @model_validator(mode="after")
    def _names_what_it_opens(self) -> Self:
        if (self.kind == "dataset") != bool(self.dataset_ids):
            raise ValueError("a key of kind 'dataset', and no other, names its `dataset_ids`")
        if (self.kind == "app") != (self.app is not None):
            raise ValueError("a key of kind 'app', and no other, names its `app`")
        return self


class AppKeyBody(Body):
    """A new key for the app in the address."""

    name: Annotated[Text, StringConstraints(max_length=200)] = ""


class LoginBody(Body):
    """Signing in to the console."""

    key: Annotated[Text, StringConstraints(max_length=500)]
    """The admin key."""
