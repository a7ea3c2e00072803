"""REST API of the marketplace: reads, sanctions and lifts, each change once per idempotency key."""

import asyncio
import hashlib
import hmac
import json
from typing import Any, Protocol
from urllib.parse import unquote

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from deploy.sandbox.marketplace.sanctions import SANCTIONS
from deploy.sandbox.marketplace.store import Store

HANG_SECONDS = 30.0
LOOK_SECONDS = 0.1
SHARED = {"device": "device_id", "bank": "bank_hash", "address": "address_hash"}
"""Fields that related accounts share, by the relation in the URL."""


class Switches(Protocol):
    """The fault switches."""

    def on(self, name: str) -> bool:
        """True while the fault is on."""


class Lost(Response):
    """Response with a Content-Length that closes the connection before its body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def market_routes(store: Store, faults: Switches, token: str) -> APIRouter:
    """`/market/v1/...` for the platform's clients and `/market-ui/state` for the page."""
    router = APIRouter()

    @router.api_route("/market/v1/{path:path}", methods=["GET", "POST", "DELETE"])
    async def call(request: Request) -> Response:
        return await Call(store, faults, token, request).answer()

    @router.get("/market-ui/state")
    async def state() -> dict[str, Any]:
        shown = store.panel([name for name in SANCTIONS if name != "orders"])
        return {**shown, "calls": store.calls()}

    return router


class Call:
    """One request, from its headers to its response."""

    def __init__(self, store: Store, faults: Switches, token: str, request: Request) -> None:
        self._store = store
        self._faults = faults
        self._token = token
        self._request = request
        self._key = request.headers.get("Idempotency-Key", "")
        self._replayed = False
        self._fault: str | None = None

    async def answer(self) -> Response:
        """Responds to the request and stores it among the calls."""
        response = await self._broken() or await self._authorised()
        if self._faults.on("platform_lost_response") and response.status_code < 300:
            self._fault = "platform_lost_response"
            response = Lost(status_code=response.status_code)
        self._store.called(
            method=self._request.method,
            path=self._request.scope["raw_path"].decode("ascii", "replace"),
            status=response.status_code,
            idempotency_key=self._key or None,
            actor=self._request.headers.get("X-Koban-Actor"),
            replayed=self._replayed,
            fault=self._fault,
        )
        return response

    async def _broken(self) -> Response | None:
        if self._faults.on("platform_429"):
            self._fault = "platform_429"
            refusal = _error(429, "rate_limited", "Too many requests.")
            refusal.headers["Retry-After"] = "1"
            return refusal
        if self._faults.on("platform_500"):
            self._fault = "platform_500"
            return _error(500, "internal", "Internal error.")
        if self._faults.on("platform_hang"):
            self._fault = "platform_hang"
            await self._hang()
            return _error(504, "timeout", "The request timed out.")
        return None

    async def _hang(self) -> None:
        for _ in range(int(HANG_SECONDS / LOOK_SECONDS)):
            if not self._faults.on("platform_hang"):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _authorised(self) -> Response:
        given = self._request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return _error(401, "unauthorized", "Missing or invalid token.")
        raw = self._request.scope["raw_path"].decode("ascii", "replace")
        parts = [unquote(part) for part in raw.removeprefix("/market/v1/").split("/")]
        if len(parts) < 2 or parts[0] not in SANCTIONS:
            return _error(404, "not_found", "Not found.")
        if self._request.method == "GET":
            return self._get(parts)
        return await self._change(parts)

    def _get(self, parts: list[str]) -> Response:
        if len(parts) == 3 and parts[0] == "users" and parts[2] == "related":
            shared = SHARED.get(self._request.query_params.get("by", ""))
            if shared is None or self._store.get(*parts[:2]) is None:
                return _nothing()
            return JSONResponse({"users": self._store.sharing("users", parts[1], shared)})
        return self._read(*parts[:2]) if len(parts) == 2 else _nothing()

    def _read(self, type_: str, id_: str) -> Response:
        found = self._store.get(type_, id_)
        return _nothing() if found is None else JSONResponse(found)

    async def _change(self, parts: list[str]) -> Response:
        if not self._key:
            return _error(400, "idempotency_key_missing", "A change needs an Idempotency-Key.")
        body = await self._request.body()
        raw = f"{self._request.method} {'/'.join(parts)} ".encode() + body
        asked = hashlib.sha256(raw).hexdigest()
        before = self._store.answered(self._key)
        if before is not None:
            return self._again(asked, *before)
        response = self._do(parts, body)
        if response.status_code < 300:
            # A refusal is not stored: nothing was done, so the same key may be retried.
            text = bytes(response.body).decode()
            self._store.answer(self._key, asked, response.status_code, text)
        return response

    def _again(self, asked: str, before: str, status: int, body: str) -> Response:
        if asked != before:
            return _error(422, "idempotency_key_reused", "This key belongs to another request.")
        self._replayed = True
        headers = {"Idempotent-Replayed": "true"}
        return Response(body, status, headers, media_type="application/json")

    def _do(self, parts: list[str], body: bytes) -> Response:
        type_, id_, *rest = parts
        if (type_, rest) == ("users", ["notices"]) and self._request.method == "POST":
            return self._notify(id_, body)
        sanction = SANCTIONS[type_].get(rest[0]) if rest else None
        if sanction is None or self._store.get(type_, id_) is None:
            return _nothing()
        if self._request.method == "POST" and len(rest) == 1:
            return self._impose(type_, id_, rest[0], body)
        if self._request.method == "DELETE" and len(rest) == 2:
            if not sanction.undo:
                return _error(409, "irreversible", "This can't be undone.")
            gone = self._store.lift(type_, id_, rest[0], rest[1])
            return JSONResponse({"lifted": gone})
        return _nothing()

    def _notify(self, user: str, body: bytes) -> Response:
        given, person = _json(body), self._store.get("users", user)
        if person is None:
            return _nothing()
        if person.get("inbox") == "closed":
            return _error(409, "inbox_closed", "This user takes no notices.")
        if person.get("inbox") == "busy":
            return _error(503, "inbox_busy", "Try again later.")
        if given is None or not isinstance(given.get("text"), dict):
            return _error(422, "invalid", "A notice needs a text.")
        self._store.notify(user, given)
        return JSONResponse({"told": user}, 201)

    def _impose(self, type_: str, id_: str, name: str, body: bytes) -> Response:
        given = _json(body)
        if given is None or not isinstance(given.get("case"), str):
            return _error(422, "invalid", "The body must have a case.")
        self._store.impose(type_, id_, name, given["case"], given.get("until"))
        return JSONResponse(self._store.get(type_, id_), 201)


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _nothing() -> Response:
    return _error(404, "not_found", "Not found.")


def _error(status: int, error: str, message: str) -> Response:
    return JSONResponse({"error": error, "message": message}, status)
