"""Which addresses a language model may have."""

from __future__ import annotations

from kb.errors import ModelUnavailable, Rejected
from kb.models.providers.presets import base_url_of
from kb.outbound.addresses import host_of, leads_astray
from kb.types import Model

MAX_URL_CHARACTERS = 2_000


def check_base_url(url: str, named: str = "") -> None:
    """Refuse what is not plainly the address of a model server.

    Args:
        named: the link-local and metadata hosts that models may have, parted by commas.

    Raises:
        Rejected: it is not a plain URL, or leads to such a host.
    """
    host = host_of(url) if len(url) <= MAX_URL_CHARACTERS else None
    if host is None:
        raise Rejected(
            f"base_url {url[:100]!a} is not the address of a model server. Write it as "
            "http://host:port/v1 or https://host/v1: in ASCII (an international name as xn--…), an "
            "IP address in its usual form, without user, query and fragment, "
            f"{MAX_URL_CHARACTERS} characters at most."
        )
    if leads_astray(host, named):
        raise Rejected(
            f"base_url leads to {host}, a link-local or metadata address. If a model runs there, "
            "name the host in KB_LLM__LINK_LOCAL_HOSTS."
        )


def check_registered(model: Model, named: str) -> None:
    """The same for a model that was registered at any time before. Raises ModelUnavailable."""
    try:
        if (base_url := base_url_of(model.provider, model.base_url)) is not None:
            check_base_url(base_url, named)
    except Rejected as exc:
        raise ModelUnavailable(f"The language model {model.name!r}: {exc.detail}") from None
