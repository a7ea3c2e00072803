"""Socket Mode: WebSocket connections of the app and the envelopes sent over them.

https://docs.slack.dev/apis/events-api/using-socket-mode

Without an open socket an envelope is lost: Slack documents no replay.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from uuid import uuid4

from aiohttp import WSMsgType, web

from deploy.sandbox.slack.model import APP

MOST_CONNECTIONS = 10
"""docs.slack.dev, Socket Mode: "up to 10 open WebSocket connections at the same time"."""

TICKET_SECONDS = 30.0
"""Lifetime of an address from apps.connections.open; Slack gives no figure."""


class Kind(StrEnum):
    """The type of an envelope."""

    INTERACTIVE = "interactive"
    COMMAND = "slash_commands"
    EVENT = "events_api"


class DisconnectReason(StrEnum):
    """Reasons of a `disconnect` message."""

    WARNING = "warning"
    REFRESH = "refresh_requested"
    TOO_MANY = "too_many_websockets"


class NoSocket(Exception):
    """No connection is open, or the one that carried the envelope closed without an ack."""


@dataclass(eq=False)
class Link:
    """One connection; `waiting` has its envelopes without an ack, by id."""

    socket: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[dict]] = field(default_factory=dict)

    def receive(self, text: str) -> None:
        """Handles an ack, `{envelope_id, payload?}`; one for an unknown envelope is ignored."""
        try:
            ack = json.loads(text)
        except ValueError:
            return
        wanted = ack.get("envelope_id") if isinstance(ack, dict) else None
        answer = self.waiting.pop(wanted, None) if isinstance(wanted, str) else None
        if answer is not None and not answer.done():
            payload = ack.get("payload")
            answer.set_result(payload if isinstance(payload, dict) else {})

    def lost(self) -> None:
        """Fails the envelopes that still wait for an ack."""
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(NoSocket())
        self.waiting.clear()


@dataclass
class Sockets:
    """`url` is the server's address, `ws://127.0.0.1:PORT`; empty while it is stopped."""

    url: str = ""
    clock: Callable[[], float] = time.monotonic
    links: list[Link] = field(default_factory=list)
    opened: int = 0
    _tickets: dict[str, float] = field(default_factory=dict)
    _turn: count = field(default_factory=count)

    def issue(self) -> str:
        """Address of one connection, valid once and for `TICKET_SECONDS`."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = self.clock()
        return f"{self.url}/link/?ticket={ticket}&app_id={APP}"

    async def send(self, kind: Kind, payload: dict) -> dict:
        """Sends an envelope; returns the payload of its ack, {} without one.

        Any open connection may get it. Raises `NoSocket`; the caller sets the timeout.
        """
        if not self.links:
            raise NoSocket
        link = self.links[next(self._turn) % len(self.links)]
        envelope = str(uuid4())
        answer = link.waiting[envelope] = asyncio.get_running_loop().create_future()
        try:
            await link.socket.send_json(_envelope(kind, envelope, payload))
        except (ConnectionError, RuntimeError):
            link.waiting.pop(envelope, None)
            raise NoSocket from None
        try:
            return await answer
        finally:
            link.waiting.pop(envelope, None)

    async def refresh(self) -> None:
        """Asks the app to reconnect every socket, as Slack does every few hours."""
        for link in list(self.links):
            await _disconnect(link.socket, DisconnectReason.REFRESH)

    async def close(self) -> None:
        """Closes every connection; the app may open others."""
        for link in list(self.links):
            await link.socket.close()

    async def connected(self, request: web.Request) -> web.StreamResponse:
        """Serves one connection, from its hello to its end."""
        made_at = self._tickets.pop(request.query.get("ticket", ""), None)
        if made_at is None or self.clock() - made_at > TICKET_SECONDS:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self.links) >= MOST_CONNECTIONS:
            await _disconnect(socket, DisconnectReason.TOO_MANY)
            await socket.close()
            return socket
        await self._follow(Link(socket))
        return socket

    async def _follow(self, link: Link) -> None:
        self.opened += 1
        self.links.append(link)
        try:
            await link.socket.send_json(_hello(len(self.links)))
            async for message in link.socket:
                if message.type is WSMsgType.TEXT:
                    link.receive(message.data)
        finally:
            self.links.remove(link)
            link.lost()


@asynccontextmanager
async def socket_server(sockets: Sockets, port: int = 0) -> AsyncIterator[None]:
    """Serves connections on a separate port; 0 is any free one.

    It is a separate server, because uvicorn needs a further library for WebSocket.
    """
    app = web.Application()
    app.router.add_get("/link/", sockets.connected)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        sockets.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        yield
    finally:
        sockets.url = ""
        await sockets.close()
        await runner.cleanup()


def _hello(number: int) -> dict:
    return {
        "type": "hello",
        "num_connections": number,
        "connection_info": {"app_id": APP},
        "debug_info": {"host": "applink-sandbox", "approximate_connection_time": 18060},
    }


def _envelope(kind: Kind, envelope: str, payload: dict) -> dict:
    made = {"type": kind.value, "envelope_id": envelope, "payload": payload}
    if kind is Kind.EVENT:
        return made | {"accepts_response_payload": False, "retry_attempt": 0, "retry_reason": ""}
    answered = kind is Kind.COMMAND or payload.get("type") in _ANSWERED
    return made | {"accepts_response_payload": answered}


_ANSWERED = ("view_submission", "block_suggestion")


async def _disconnect(socket: web.WebSocketResponse, why: DisconnectReason) -> None:
    await socket.send_json({"type": "disconnect", "reason": why.value, "debug_info": {}})
