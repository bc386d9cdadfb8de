"""Which addresses this server may be told to call: those of language models and of webhooks.

Loopback and private addresses are the normal case: what runs here. Link-local addresses are
refused, with all others at which clouds hand out the credentials of a machine, unless a setting
names them. A name is checked when it is registered, what it stands for at every connection.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

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
    IPv6Network(n)
    for n in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/[\w.~!$&'()*+,;=:@%/-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class RefusedAddress(OSError):
    """The host stands for an address that may not be called."""


def host_of(url: str) -> str | None:
    """The host of a plain http or https URL without query, as it is compared; None if it is odd."""
    match = _URL.fullmatch(url)
    return _host(match[1].lower()) if match and 0 < int(match[2] or 80) < 65_536 else None


def leads_astray(host: str, named: str = "") -> bool:
    """Whether a host is a link-local address or serves metadata, by its name or address.

    Args:
        named: the hosts that are allowed all the same, parted by commas.
    """
    return (host in METADATA_NAMES and host not in _named(named)) or is_refused(host, named)


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


def checked_socket(info: tuple[Any, ...], named: str = "") -> socket.socket:
    """A socket for one address that a host stands for at this moment, as `getaddrinfo` gives it.

    Raises:
        RefusedAddress: it may not be called.
    """
    family, kind, protocol, _, address = info
    if is_refused(str(address[0]), named):
        raise RefusedAddress
    return socket.socket(family, kind, protocol)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address (`HTTPS_PROXY`, `NO_PROXY`), if any.

    aiohttp would look it up itself, but then it also sends passwords of a `.netrc`.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    return None if named is None or proxy_bypass(parts.netloc) else named
