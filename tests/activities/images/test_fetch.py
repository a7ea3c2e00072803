"""Image download: bounded in time and size, even from a hostile server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from activities.image_decoder import FetchFailure, NotFetched
from activities.images import LARGEST, AllowedHosts, Fetcher, open_fetcher

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOSTS = frozenset({"images.market.example"})


async def public(host: str) -> list[str]:
    return ["203.0.114.7"]


class Body(httpx.AsyncByteStream):
    """A response body from the network."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"\x89PNG"


def png() -> httpx.Response:
    """A response with an image."""
    return httpx.Response(200, headers={"Content-Type": "image/png"}, stream=Body())


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """Base URL of a platform that gives the same response to every request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await answer(reader, writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}/base"
        listening.close()


def saying(head: str, body: bytes = b"") -> Answer:
    """A response with this head and body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body)

    return answer


async def fetched(answer: Answer, seconds: float = 5.0) -> bytes:
    """Result of a download of this response."""
    async with server(answer) as base, open_fetcher() as http:
        fetcher = Fetcher(http, AllowedHosts(base, public), lambda: HOSTS, seconds)
        return await fetcher.fetch(f"{base}/a.png")


async def why(answer: Answer, seconds: float = 5.0) -> FetchFailure:
    """Reason of the `FetchFailure`."""
    with pytest.raises(NotFetched) as refused:
        await fetched(answer, seconds)
    return refused.value.why


async def test_the_bytes_come_back_as_they_are() -> None:
    """The download returns the bytes unchanged; their format is checked elsewhere."""
    assert await fetched(saying("200 OK\r\nContent-Type: image/png", b"\x89PNG")) == b"\x89PNG"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("404 Not Found", FetchFailure.GONE),
        ("403 Forbidden", FetchFailure.GONE),
        ("500 Oh", FetchFailure.UNAVAILABLE),
        ("429 Slow", FetchFailure.UNAVAILABLE),
        ("200 OK\r\nContent-Type: text/html", FetchFailure.NO_IMAGE),
        ("200 OK", FetchFailure.NO_IMAGE),
        (
            f"200 OK\r\nContent-Type: image/png\r\nContent-Length: {LARGEST + 1}",
            FetchFailure.TOO_LARGE,
        ),
        ("302 Found\r\nLocation: http://127.0.0.1:1/x.png", FetchFailure.FORBIDDEN),
        ("302 Found\r\nLocation: https://169.254.169.254/", FetchFailure.FORBIDDEN),
        ("302 Found\r\nLocation: /elsewhere.png", FetchFailure.FORBIDDEN),
        ("302 Found\r\nLocation: /base/round-and-round.png", FetchFailure.FORBIDDEN),
        ("302 Found\r\nLocation: file:///etc/passwd", FetchFailure.FORBIDDEN),
        ("nonsense", FetchFailure.UNAVAILABLE),
    ],
)
async def test_an_answer_that_is_no_image_has_its_reason(head: str, expected: FetchFailure) -> None:
    """Not found, server error, not an image, too large, redirected: each has its own reason."""
    assert await why(saying(head)) is expected


async def test_more_than_it_said_is_not_read() -> None:
    """An endless body is cut off at the limit."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert await why(endless, 30) is FetchFailure.TOO_LARGE


async def test_a_server_that_drips_is_left() -> None:
    """A slow trickle of bytes ends at the total timeout."""

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert await why(dripping, 0.3) is FetchFailure.UNAVAILABLE


async def test_nothing_is_unpacked_on_the_way() -> None:
    """Compressed responses are neither requested nor decompressed: 1 KB of gzip can be 1 GB."""
    head = "200 OK\r\nContent-Type: image/png\r\nContent-Encoding: gzip"
    assert await fetched(saying(head, b"\x1f\x8b packed")) == b"\x1f\x8b packed"


async def test_a_listed_host_is_asked_by_its_address_and_named_in_tls() -> None:
    """No token and no cookie are sent; the certificate must match the host name."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return png()

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        places = AllowedHosts("https://api.market.example", public)
        fetcher = Fetcher(http, places, lambda: HOSTS)
        assert await fetcher.fetch("https://images.market.example/a.png?s=1") == b"\x89PNG"
    (request,) = seen
    assert str(request.url) == "https://203.0.114.7/a.png?s=1"
    assert request.headers["Host"] == "images.market.example"
    assert request.extensions["sni_hostname"] == "images.market.example"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


async def test_a_redirect_between_allowed_places_is_followed() -> None:
    """A platform may redirect to its own image host."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.market.example":
            return httpx.Response(302, headers={"Location": "https://images.market.example/b.png"})
        return png()

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        fetcher = Fetcher(http, AllowedHosts("https://api.market.example", public), lambda: HOSTS)
        assert await fetcher.fetch("https://api.market.example/a.png") == b"\x89PNG"
