"""A stored question, asked again as it was: same inputs, same history, another version."""

from __future__ import annotations

from kb.chat.ask.asking import ChatRequest
from kb.errors import NotAllowed
from kb.store.apps import apps, conversations
from kb.store.engine.database import Database
from kb.types import Message, Scope


def replay_request(
    database: Database, scope: Scope, message_id: str, version: int
) -> tuple[Message, ChatRequest]:
    """The message and what to ask its app.

    Inputs that the other version does not have are left out; what it needs beyond is missing, and
    asking says so.

    Raises:
        NotAllowed: the scope is no admin's.
        NotFound: there is no such message, or its app has no such version.
    """
    if not scope.may("admin"):
        raise NotAllowed("Only an admin key may replay a question.")
    with database.read() as tx:
        message = conversations.message(tx, scope, message_id)
        if message.replay_of is not None:  # of a replay the first question, which it goes with
            message = conversations.message(tx, scope, message.replay_of)
        content = apps.version(tx, scope, message.app_id, version).content
    known = {variable.name for variable in content.inputs}
    given = {name: value for name, value in (message.inputs or {}).items() if name in known}
    request = ChatRequest(message.query, inputs=given, version=version, replay_of=message)
    return message, request
