"""One POST to a receiver, by aiohttp. Redirects are not followed, and of what answers only the
beginning is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import aiohttp
import httpx

from kb.outbound.addresses import RefusedAddress, checked_socket, proxy_for
from kb.version import version

READ_BYTES = 4096
KEPT_CHARACTERS = 500
MISLEADING = "Its host stands for a link-local or metadata address, which is not called."

Answer = tuple[int | None, str | None, str | None]
"""The status, the beginning of the body, and what went wrong."""


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """Connections, each of which is checked for where it leads; call it in the loop that uses it.

    Args:
        timeout_s: for one POST and the beginning of its answer.
    """
    connector = aiohttp.TCPConnector(
        limit=0, ssl=httpx.create_ssl_context(), socket_factory=checked_socket
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"content-type": "application/json", "user-agent": f"citewell/{version()}"},
        auto_decompress=False,
    )


async def post(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Send a message once; every failure is an answer with an error."""
    status, text = None, None
    try:
        async with session.post(
            url, data=body, headers=headers, allow_redirects=False, proxy=proxy_for(url)
        ) as response:
            status = response.status
            with suppress(aiohttp.ClientError, TimeoutError):  # the status says whether it came
                text = _beginning(await response.content.read(READ_BYTES))
            response.close()
            return status, text, _error(status)
    except TimeoutError:
        return status, text, f"It did not answer within {session.timeout.total:g} s."
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        if isinstance(getattr(exc, "os_error", None), RefusedAddress):
            return status, text, MISLEADING
        return status, text, f"It cannot be reached ({type(exc).__name__})."


def _error(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    also = " Redirects are not followed." if 300 <= status < 400 else ""
    return f"It answered HTTP {status}.{also}"


def _beginning(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\0", "")[:KEPT_CHARACTERS]
