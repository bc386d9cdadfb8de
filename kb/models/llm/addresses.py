"""Which addresses a language model may have.

Loopback and private addresses are the normal case: models that run here. Link-local addresses are
refused, with all others at which clouds hand out the credentials of a machine, unless a setting
names them. A name is checked when it is registered, what it stands for at every connection.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from kb.errors import ModelUnavailable, Rejected
from kb.types import Model

MAX_URL_CHARACTERS = 2_000
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
METADATA_ADDRESSES = frozenset(
    map(
        ip_address,
        # Amazon, Google, Alibaba, Oracle, Azure; the address most use, 169.254.169.254, is
        # link-local.
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    )
)
_LAST_32_BITS = [
    IPv6Network(n) for n in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
]
_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/[\w.~!$&'()*+,;=:@%/-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


def check_base_url(url: str, named: str = "") -> None:
    """Refuse what is not plainly the address of a model server.

    Args:
        named: the link-local and metadata hosts that models may have, parted by commas.

    Raises:
        Rejected: it is not a plain URL, or leads to such a host.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    host = _host(match[1].lower()) if match and 0 < int(match[2] or 80) < 65_536 else None
    if host is None:
        raise Rejected(
            f"base_url {url[:100]!a} is not the address of a model server. Write it as "
            "http://host:port/v1 or https://host/v1: in ASCII (an international name as xn--…), an "
            "IP address in its usual form, without user, query and fragment, "
            f"{MAX_URL_CHARACTERS} characters at most."
        )
    if (host in METADATA_NAMES and host not in _named(named)) or is_refused(host, named):
        raise Rejected(
            f"base_url leads to {host}, a link-local or metadata address. If a model runs there, "
            "name the host in KB_LLM__LINK_LOCAL_HOSTS."
        )


def check_registered(model: Model, named: str) -> None:
    """The same for a model that was registered at any time before. Raises ModelUnavailable."""
    try:
        if model.base_url is not None:
            check_base_url(model.base_url, named)
    except Rejected as exc:
        raise ModelUnavailable(f"The language model {model.name!r}: {exc.detail}") from None


def is_refused(host: str, named: str = "") -> bool:
    """Whether an IP address is link-local or serves metadata, also wrapped in IPv6, and the
    setting does not name it; False for a name."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    forms = {address, *_wrapped(address)}
    if not any(form.is_link_local or form in METADATA_ADDRESSES for form in forms):
        return False
    return _named(named).isdisjoint(map(str, forms))


def is_named(url: str, named: str) -> bool:
    """Whether the setting names the host of a URL, whatever address it stands for."""
    match = _URL.match(url)
    return match is not None and match[1].lower().strip("[].") in _named(named)


def _named(named: str) -> frozenset[str]:
    return frozenset(named.lower().replace(",", " ").split())


def _host(host: str) -> str | None:
    """The host as it is compared; None if it is odd."""
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1]))
        host = host.removesuffix(".")
        labels = host.split(".")
        if _NUMERIC.fullmatch(labels[-1]):  # browsers and resolvers take 0x7f.1 for an address
            return str(IPv4Address(host))
    except ValueError:
        return None
    return host if len(host) <= 253 and all(map(_LABEL.fullmatch, labels)) else None


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    found = [address.sixtofour] if address.sixtofour else []
    if any(address in network for network in _LAST_32_BITS):
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return found
