"""Reads a request's body without ever holding more than the cap."""

import asyncio

from starlette.requests import ClientDisconnect, Request

MAX_BODY = 1024 * 1024
"""Bytes of one request: 1 MiB."""

DRAINED = 8 * MAX_BODY
"""A sender in mid-flight reads its answer only once its bytes are taken: some are, and dropped."""

READ_SECONDS = 10.0
"""A sender that dribbles its body out holds a connection no longer than this."""


class TooLarge(Exception):
    """The body is over `MAX_BODY`, whatever its Content-Length says."""


class TooSlow(Exception):
    """The body did not arrive in `READ_SECONDS`, or the sender went away."""


async def read_body(request: Request) -> bytes:
    """The raw body, at most `MAX_BODY` bytes.

    Raises:
        TooLarge: where more bytes came.
        TooSlow: where they did not come in time.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > DRAINED:
        raise TooLarge
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _read(request)
    except (TimeoutError, ClientDisconnect) as gone:
        raise TooSlow from gone


async def _read(request: Request) -> bytes:
    body = bytearray()
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > DRAINED:
            break
        if taken <= MAX_BODY:
            body += chunk
    if taken > MAX_BODY:
        raise TooLarge
    return bytes(body)
