"""Who asks which app: Dify's keys belong to one app, and `user` names a person behind it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BeforeValidator

from api.deps import KB, ChatCaller
from api.dialects.dialect import Body
from api.dialects.dify.wire.errors import AppUnavailable
from api.resources.chat.chat import of_user
from api.resources.chat.requests import EndUser
from api.resources.fields import Id
from api.threads import read
from kb.access import Caller
from kb.errors import NotAllowed
from kb.store.apps import apps
from kb.store.engine.database import Transaction
from kb.types import App, Scope

DEFAULT_USER = "DEFAULT-USER"
"""Whom Dify takes for the user where none is named; so nobody sees what others have said."""


class UserBody(Body):
    """For whom something is done."""

    user: EndUser | None = None


def _or_none(value: Any) -> Any:
    return value or None


User = Annotated[EndUser | None, BeforeValidator(_or_none), Query()]
OptionalId = Annotated[Id | None, BeforeValidator(_or_none), Query()]


async def get_app(kb: KB, caller: ChatCaller) -> App:
    """The one app that the key opens. Raises AppUnavailable."""
    return await read(kb, _app, caller.scope)


AppDep = Annotated[App, Depends(get_app)]


async def get_editor(caller: ChatCaller) -> Scope:
    """Who fixes answers of the app: its own key as well, as in Dify. Raises NotAllowed."""
    if caller.kind == "app" or caller.scope.may("admin"):
        return caller.scope
    raise NotAllowed("A public key may not fix answers. Use a key of kind `app`, on a server.")


EditorScope = Annotated[Scope, Depends(get_editor)]


def scope_of(caller: Caller, user: str | None) -> Scope:
    """What the user may see: only conversations of their own."""
    return of_user(caller.scope, user or DEFAULT_USER)


def _app(tx: Transaction, scope: Scope) -> App:
    app = apps.only(tx, scope)
    if app is None:
        raise AppUnavailable("This key does not open exactly one app. Use a key of the app.")
    return app
