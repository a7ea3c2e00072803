"""Connections: slow heads, slow bodies and too many of one peer are cut, others are answered."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.http.connections import ConnectionLimits, bounded_protocol


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body and answers with its size."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = str(size).encode()
    length = (b"content-length", str(len(text)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def serving(limits: ConnectionLimits) -> AsyncIterator[int]:
    """The port of a server with these limits."""
    protocol = bounded_protocol(limits)
    config = uvicorn.Config(
        app, "127.0.0.1", 0, http=protocol, ws="none", log_config=None, lifespan="off"
    )
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        listener.close()


class Peer:
    """A connection with what was written to it first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def rest(self) -> bytes:
        """Everything until the connection ends, however it ends."""
        with suppress(ConnectionError):
            return await self._reader.read()
        return b""


@asynccontextmanager
async def sent(port: int, text: bytes) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


WHOLE = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHo",
    ],
    ids=["nothing", "head", "body", "chunked", "second head"],
)
async def test_a_request_that_does_not_arrive_is_cut(text: bytes) -> None:
    """The connection ends without the sender's doing."""
    async with (
        serving(ConnectionLimits(head=0.2, body=0.2)) as port,
        sent(port, text) as peer,
    ):
        assert b"HTTP/1.1 4" not in await peer.rest()


async def test_pieces_do_not_put_the_end_off() -> None:
    """A sender of one byte at a time is cut like one that sends nothing."""
    async with (
        serving(ConnectionLimits(head=0.2, body=60)) as port,
        sent(port, b"GET / HTTP/1.1\r\n") as peer,
    ):
        end = asyncio.create_task(peer.rest())
        while not end.done():
            peer.writer.write(b"a: b\r\n")
            await asyncio.wait([end], timeout=0.01)


async def test_one_peer_has_a_number_of_connections() -> None:
    """The next one gets 503 at once; a closed one makes room."""
    limits = ConnectionLimits(per_peer=2, head=600, body=600)
    async with serving(limits) as port, sent(port, WHOLE[:-2]):
        async with sent(port, WHOLE[:-2]) as second:
            async with sent(port, WHOLE) as third:
                refused = await third.rest()
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert refused.endswith(b'{"error": "This peer has too many connections."}')
            second.writer.write(b"ab")
            assert (await second.rest()).endswith(b"\r\n\r\n2")
        async with sent(port, WHOLE) as again:
            assert (await again.rest()).endswith(b"\r\n\r\n2")
