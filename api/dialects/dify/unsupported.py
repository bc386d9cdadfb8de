"""What Dify does and this server does not: each says so, instead of 404."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ChatCaller
from api.dialects.dify.wire.errors import AppUnavailable, NoFiles, NoSpeech

router = APIRouter(tags=["not supported"])


@router.post("/files/upload")
async def upload_file(caller: ChatCaller) -> None:
    """Files are read as documents of datasets, not with a question."""
    raise NoFiles("Files cannot go with a question here: upload them to a dataset of the app.")


@router.post("/audio-to-text")
@router.post("/text-to-audio")
async def speech(caller: ChatCaller) -> None:
    """There is no model for speech."""
    raise NoSpeech("Speech is neither understood nor spoken here. Send and show text.")


@router.post("/completion-messages")
@router.post("/workflows/run")
async def other_apps(caller: ChatCaller) -> None:
    """All apps here are chats."""
    raise AppUnavailable("This app is a chat. Ask it with POST /chat-messages.")
