"""From where images are fetched, and from nowhere else.

An alert's address was written by a detector, and often by whoever the alert is about. Koban stands
within the team's network, so an address must not choose what Koban talks to:

- the platform's own base URL, at the same scheme, host and port, and below its path;
- the hosts that platform.yaml lists (`evidence: hosts`), over https on port 443, where they
  resolve to public addresses. The connection goes to the very address that was looked at, so that
  a name can't be pointed elsewhere in between.

Every redirect has to pass again.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import httpx

from activities.evidence.troubles import NotFetched, Why

HTTPS = 443

Resolve = Callable[[str], Awaitable[list[str]]]
"""The IP addresses of a host. Raises `OSError`."""


@dataclass(frozen=True)
class Place:
    """Where to connect to: `address` is the IP to take, None where the name decides."""

    url: httpx.URL
    address: str | None = None


class Places:
    """The places of one deployment."""

    def __init__(self, base_url: str, resolve: Resolve | None = None) -> None:
        """`base_url` is the platform's; `resolve` finds the addresses of a host."""
        self._base = httpx.URL(base_url)
        self._resolve = resolve or addresses_of

    async def of(self, written: str, hosts: Collection[str]) -> Place:
        """Where an address leads to. Raises `NotFetched`."""
        url = _url(written)
        if self._is_platform(url):
            return Place(url)
        if not _is_listed(url, hosts):
            raise NotFetched(Why.FORBIDDEN)
        return Place(url, await self._public_address(url.host))

    async def _public_address(self, host: str) -> str:
        """One of a host's addresses, where all of them are public. Raises `NotFetched`."""
        try:
            addresses = await self._resolve(host)
        except OSError:
            raise NotFetched(Why.AWAY) from None
        if not addresses or not all(is_public(each) for each in addresses):
            raise NotFetched(Why.FORBIDDEN)
        return addresses[0]

    def _is_platform(self, url: httpx.URL) -> bool:
        base = self._base
        if (url.scheme, url.host, _port(url)) != (base.scheme, base.host, _port(base)):
            return False
        below = url.path.startswith(base.path.rstrip("/") + "/") and ".." not in url.path
        return below and not url.userinfo


def _url(written: str) -> httpx.URL:
    try:
        return httpx.URL(written.strip())
    except (httpx.InvalidURL, ValueError):
        raise NotFetched(Why.FORBIDDEN) from None


def _is_listed(url: httpx.URL, hosts: Collection[str]) -> bool:
    plain = url.scheme == "https" and _port(url) == HTTPS and not url.userinfo
    return plain and url.host.lower().rstrip(".") in hosts


def _port(url: httpx.URL) -> int:
    return url.port or (HTTPS if url.scheme == "https" else 80)


async def addresses_of(host: str) -> list[str]:
    """The IP addresses of a host. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, HTTPS, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large, also where it holds another one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _within(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    return ip.is_global and not ip.is_multicast if inner is None else is_public(str(inner))


def _within(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64 (RFC 6052)."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
