"""What can go wrong between a client and its server."""

from __future__ import annotations


class ClientError(Exception):
    """`code` is stable and for programs, `detail` a sentence for people."""

    code = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RequestFailed(ClientError):
    """The server answered with an error; its own words say what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class ServerUnreachable(ClientError):
    """Nobody answers at the address."""

    code = "unavailable"


class DatasetNotFound(ClientError):
    """The key sees no dataset of that name or id."""

    code = "not_found"
