"""Connections of `koban serve`: slow requests, and too many connections of one peer, are cut."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()


@dataclass(frozen=True)
class ConnectionLimits:
    """Seconds in which the head and the body of a request arrive, and connections of one peer."""

    head: float = 10.0
    body: float = 15.0
    per_peer: int = 400


_BUSY_BODY = b'{"error": "This peer has too many connections."}'
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
) % (len(_BUSY_BODY), _BUSY_BODY)


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with limits.

    uvicorn alone waits without end for a head and for a body: it ends idle connections only after
    an answer.
    """

    limits: ClassVar = ConnectionLimits()
    peers: ClassVar[Counter[str]] = Counter()
    _timer: asyncio.TimerHandle | None = None
    _phase: object = None
    _peer: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts the connection, or answers 503 and closes it."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        if self.peers[peer] >= self.limits.per_peer:
            log.warning("too_many_connections", peer=peer)
            transport.write(_BUSY)
            transport.close()
            return
        self._peer = peer
        self.peers[peer] += 1
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends what was counted and timed."""
        self._stop_timer()
        if self._peer is not None:
            self.peers.subtract((self._peer,))
            if not self.peers[self._peer]:
                del self.peers[self._peer]
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on; a connection that was refused is not read."""
        if self._peer is not None:
            super().data_received(data)
            self._watch()

    def _watch(self) -> None:
        """Starts a timer for each head and each body, however many pieces they come in."""
        state = self.conn.their_state
        if (state, self.cycle) == self._phase:
            return
        self._phase = (state, self.cycle)
        self._stop_timer()
        seconds = {h11.IDLE: self.limits.head, h11.SEND_BODY: self.limits.body}.get(state)
        if seconds is not None and not self.transport.is_closing():
            self._timer = self.loop.call_later(seconds, self._cut)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        log.warning("slow_request_cut", peer=self._peer)
        self.transport.abort()


def bounded_protocol(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """The protocol of one server, with a count of its own; a proxy in front is one peer."""

    class Bounded(BoundedProtocol):
        pass

    Bounded.limits, Bounded.peers = limits, Counter()
    return Bounded
