"""Fetching the bytes of an image: bounded in time and size, and only from where it may be."""

import asyncio
from collections.abc import Callable, Collection

import httpx

from activities.evidence.places import Place, Places
from activities.evidence.troubles import NotFetched, Why

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
