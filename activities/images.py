"""Images of evidence: fetched only from allowed hosts, and re-encoded from their pixels."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import httpx

from activities.image_decoder import FetchFailure, ImageDecoder, NotFetched, Picture

# Protection against SSRF: the URL in an alert comes from a detector, often from the reported user,
# and Koban runs within the team's network. Allowed are, also for redirects:
#
# - the platform's base URL, at the same scheme, host and port, and below its path;
# - the hosts in platform.yaml (`evidence: hosts`), over https on port 443, where they resolve to
#   public addresses. The connection uses the checked address against DNS rebinding.

HTTPS = 443

Resolve = Callable[[str], Awaitable[list[str]]]
"""The IP addresses of a host. Raises `OSError`."""


@dataclass(frozen=True)
class Target:
    """Checked URL; `address` is the IP to connect to, None for the platform."""

    url: httpx.URL
    address: str | None = None


class AllowedHosts:
    """Allowed hosts of one deployment."""

    def __init__(self, base_url: str, resolve: Resolve | None = None) -> None:
        """`base_url` is the platform's; `resolve` returns the addresses of a host."""
        self._base = httpx.URL(base_url)
        self._resolve = resolve or addresses_of

    async def resolve(self, written: str, hosts: Collection[str]) -> Target:
        """Checks a URL. Raises `NotFetched`."""
        url = _url(written)
        if self._is_platform(url):
            return Target(url)
        if not _is_listed(url, hosts):
            raise NotFetched(FetchFailure.FORBIDDEN)
        return Target(url, await self._public_address(url.host))

    async def _public_address(self, host: str) -> str:
        """An address of a host, if all of them are public. Raises `NotFetched`."""
        try:
            addresses = await self._resolve(host)
        except OSError:
            raise NotFetched(FetchFailure.UNAVAILABLE) from None
        if not addresses or not all(is_public(each) for each in addresses):
            raise NotFetched(FetchFailure.FORBIDDEN)
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
        raise NotFetched(FetchFailure.FORBIDDEN) from None


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
    """True for a global unicast address, also where IPv6 embeds an IPv4 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _embedded(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    return ip.is_global and not ip.is_multicast if inner is None else is_public(str(inner))


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address in an IPv6 address: mapped, 6to4, Teredo, NAT64 (RFC 6052)."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


LARGEST = 10 * 1024 * 1024
"""Largest image in bytes."""
SECONDS = 10.0
"""Timeout of a whole fetch."""
TIMEOUT = httpx.Timeout(5.0, connect=3.0)
MOST_REDIRECTS = 2
_GONE = frozenset({401, 403, 404, 410, 451})
_MAYBE = ("image/", "application/octet-stream", "binary/octet-stream")
"""Accepted content types; the bytes decide."""

Hosts = Callable[[], Collection[str]]
"""The current hosts of platform.yaml."""


class Fetcher:
    """Fetches images. Raises `NotFetched`."""

    def __init__(
        self, http: httpx.AsyncClient, allowed: AllowedHosts, hosts: Hosts, seconds: float = SECONDS
    ) -> None:
        """`http` carries no token; `seconds` is the timeout of a whole fetch."""
        self._http = http
        self._allowed = allowed
        self._hosts = hosts
        self._seconds = seconds

    async def fetch(self, address: str) -> bytes:
        """The bytes at a URL. Raises `NotFetched`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(address)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise NotFetched(FetchFailure.UNAVAILABLE) from None

    async def _follow(self, address: str) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            target = await self._allowed.resolve(address, self._hosts())
            found = await self._ask(target)
            if isinstance(found, bytes):
                return found
            address = str(found)
        raise NotFetched(FetchFailure.FORBIDDEN)

    async def _ask(self, target: Target) -> bytes | httpx.URL:
        """The bytes, or the URL of a redirect."""
        response = await self._http.send(_request(self._http, target), stream=True)
        try:
            if response.has_redirect_location:
                return target.url.join(response.headers["Location"])
            _check(response)
            return await _read(response)
        finally:
            await response.aclose()


def open_fetcher() -> httpx.AsyncClient:
    """The client of a fetcher: no token, and no proxy, which would resolve names itself."""
    return httpx.AsyncClient(
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=10, max_keepalive_connections=0),
    )


def _request(http: httpx.AsyncClient, target: Target) -> httpx.Request:
    # No compression: a small response could expand without limit.
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Koban"}
    if target.address is None:
        return http.build_request("GET", target.url, headers=headers)
    headers["Host"] = target.url.netloc.decode("ascii")
    return http.build_request(
        "GET",
        target.url.copy_with(host=target.address),
        headers=headers,
        extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
    )


def _check(response: httpx.Response) -> None:
    if response.status_code in _GONE:
        raise NotFetched(FetchFailure.GONE)
    if response.status_code != 200:
        raise NotFetched(FetchFailure.UNAVAILABLE)
    if not response.headers.get("Content-Type", "").lower().startswith(_MAYBE):
        raise NotFetched(FetchFailure.NO_IMAGE)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > LARGEST:
        raise NotFetched(FetchFailure.TOO_LARGE)


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > LARGEST:
            raise NotFetched(FetchFailure.TOO_LARGE)
    return bytes(content)


class Images:
    """Fetches and re-encodes images."""

    def __init__(self, fetcher: Fetcher, decoder: ImageDecoder | None = None) -> None:
        self._fetcher = fetcher
        self._decoder = decoder or ImageDecoder()

    async def get(self, address: str) -> Picture:
        """The image at a URL. Raises `NotFetched`."""
        return await self._decoder.picture(await self._fetcher.fetch(address))
