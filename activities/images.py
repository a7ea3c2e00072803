"""Images from outside: fetched from listed places only, and made anew from their pixels."""

import asyncio
import io
import ipaddress
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import httpx
from PIL import Image, ImageOps


class Why(StrEnum):
    """The reasons that a person is told."""

    FORBIDDEN = "forbidden"
    GONE = "gone"
    AWAY = "away"
    TOO_LARGE = "too_large"
    NO_IMAGE = "no_image"

    @property
    def passes(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return self is Why.AWAY


class NotFetched(Exception):
    """An image that was not fetched. The message never repeats its address."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


# An alert's address was written by a detector, and often by whoever the alert is about. Koban
# stands within the team's network, so an address must not choose what Koban talks to:
#
# - the platform's own base URL, at the same scheme, host and port, and below its path;
# - the hosts that platform.yaml lists (`evidence: hosts`), over https on port 443, where they
#   resolve to public addresses. The connection goes to the very address that was looked at, so that
#   a name can't be pointed elsewhere in between.
#
# Every redirect has to pass again.

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


# What was hidden in the file (where a photo was taken, a second file behind the first, a decoder's
# bad dream) stays behind. Slack shows PNG and JPEG:
# docs.slack.dev/reference/block-kit/composition-objects/slack-file-object

MOST_PIXELS = 40_000_000
"""Of a picture that is unpacked at all: about what a phone takes, 160 MB in memory."""
MOST_SIDE = 2_000
"""Pixels of the longer side of what is shown."""
QUALITY = 85
_SIGNS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
}
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError),
    *(OverflowError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow raises over a file that is not what it says."""


@dataclass(frozen=True)
class Picture:
    """A file that can be shown: its name says what it is."""

    name: str
    content: bytes


def picture(content: bytes) -> Picture:
    """The first frame of an image, made anew. Raises `NotFetched`."""
    kind = _kind(content)
    if kind is None:
        raise NotFetched(Why.NO_IMAGE)
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as opened:
            return _made_anew(opened)
    except _BROKEN:
        raise NotFetched(Why.NO_IMAGE) from None


def _kind(content: bytes) -> str | None:
    """What the bytes say that they are."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), None)


def _made_anew(opened: Image.Image) -> Picture:
    if opened.width * opened.height > MOST_PIXELS:
        raise NotFetched(Why.TOO_LARGE)
    opened.draft("RGB", (MOST_SIDE, MOST_SIDE))  # a JPEG is unpacked at a part of its size
    image = ImageOps.exif_transpose(opened)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((MOST_SIDE, MOST_SIDE))
    # A new canvas: no text, profile or other information of the file comes along.
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    written = io.BytesIO()
    if bare.mode == "RGBA":
        bare.save(written, "PNG")
        return Picture("evidence.png", written.getvalue())
    bare.save(written, "JPEG", quality=QUALITY)
    return Picture("evidence.jpg", written.getvalue())


LARGEST = 10 * 1024 * 1024
"""Bytes of one image."""
SECONDS = 10.0
"""For the whole of it, however slowly a server sends."""
TIMEOUT = httpx.Timeout(5.0, connect=3.0)
MOST_REDIRECTS = 2
_GONE = frozenset({401, 403, 404, 410, 451})
_MAYBE = ("image/", "application/octet-stream", "binary/octet-stream")
"""Content types that are worth a look; what the bytes are is judged by the bytes."""

Hosts = Callable[[], Collection[str]]
"""The hosts that platform.yaml lists, as it stands now."""


class Fetcher:
    """Fetches images. Raises `NotFetched`."""

    def __init__(
        self, http: httpx.AsyncClient, places: Places, hosts: Hosts, seconds: float = SECONDS
    ) -> None:
        """`http` carries no token: an image is fetched as anybody could. `seconds` in all."""
        self._http = http
        self._places = places
        self._hosts = hosts
        self._seconds = seconds

    async def fetch(self, address: str) -> bytes:
        """The bytes behind `address`. Raises `NotFetched`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(address)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise NotFetched(Why.AWAY) from None

    async def _follow(self, address: str) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            place = await self._places.of(address, self._hosts())
            found = await self._ask(place)
            if isinstance(found, bytes):
                return found
            address = str(found)
        raise NotFetched(Why.FORBIDDEN)

    async def _ask(self, place: Place) -> bytes | httpx.URL:
        """The bytes, or where else they are said to be."""
        response = await self._http.send(_request(self._http, place), stream=True)
        try:
            if response.has_redirect_location:
                return place.url.join(response.headers["Location"])
            _judge(response)
            return await _read(response)
        finally:
            await response.aclose()


def open_fetcher() -> httpx.AsyncClient:
    """The client of a fetcher: no token, no cookies, no proxy that would look names up itself."""
    return httpx.AsyncClient(
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=10, max_keepalive_connections=0),
    )


def _request(http: httpx.AsyncClient, place: Place) -> httpx.Request:
    # Unpacked, a small answer could be as large as it likes.
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Koban"}
    if place.address is None:
        return http.build_request("GET", place.url, headers=headers)
    headers["Host"] = place.url.netloc.decode("ascii")
    return http.build_request(
        "GET",
        place.url.copy_with(host=place.address),
        headers=headers,
        extensions={"sni_hostname": place.url.raw_host.decode("ascii")},
    )


def _judge(response: httpx.Response) -> None:
    if response.status_code in _GONE:
        raise NotFetched(Why.GONE)
    if response.status_code != 200:
        raise NotFetched(Why.AWAY)
    if not response.headers.get("Content-Type", "").lower().startswith(_MAYBE):
        raise NotFetched(Why.NO_IMAGE)
    said = response.headers.get("Content-Length", "")
    if said.isdigit() and int(said) > LARGEST:
        raise NotFetched(Why.TOO_LARGE)


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > LARGEST:
            raise NotFetched(Why.TOO_LARGE)
    return bytes(content)


MAX_LINES = 2
"""Pictures that are unpacked at a time: each may take 160 MB for a moment."""


class Images:
    """Fetches and makes anew. Raises `NotFetched`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._room = asyncio.Semaphore(MAX_LINES)

    async def get(self, address: str) -> Picture:
        """The picture behind an address. Raises `NotFetched`."""
        content = await self._fetcher.fetch(address)
        async with self._room:
            return await asyncio.to_thread(picture, content)
