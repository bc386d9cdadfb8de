"""Where a cited original can be opened, for dialects whose sources need an address."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request


def site_of(request: Request) -> str:
    """The address of this server, without the prefix of a dialect."""
    return str(request.base_url).removesuffix("/").removesuffix(request.scope["root_path"])


def original_url(site: str, document_id: str, page: int) -> str:
    """The original of a document, opened at a page; it needs a key that may search."""
    return f"{site}/v1/documents/{quote(document_id)}/original#page={page}"
