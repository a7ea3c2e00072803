"""POST /slack/events: Slack's requests over HTTP, verified before Bolt parses them."""

import re
from collections.abc import Mapping

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import ClientDisconnect

from bot.admission import BODIES_RETRY, BodyMemory, HeldBody
from bot.errors import FORGERIES, Forgery

MOST_BYTES = 2 * 1024 * 1024
"""A view is at most 250 KB (docs.slack.dev, views.open) and grows threefold as a form."""

# int() and compare_digest() in the verifier raise on malformed headers.
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

_log = structlog.get_logger(__name__)


def slack_routes(app: AsyncApp, signing_secret: str, bodies: BodyMemory | None = None) -> APIRouter:
    """A router with `POST /slack/events`.

    401 without a valid signature of the last five minutes, 413 over `MOST_BYTES`, 503 without
    memory among `bodies`, 400 for a signed but unreadable body; everything else is Bolt's answer.
    Raises `ValueError` without a secret.
    """
    router, memory = APIRouter(), bodies or BodyMemory()
    verifier = SignatureVerifier(signing_secret)

    @router.get("/slack/events", include_in_schema=False)
    async def ssl_check(ssl_check: str = "") -> Response:
        # Slack looks at the certificate: https://docs.slack.dev/interactivity/implementing-slash-commands
        return PlainTextResponse("", 200 if ssl_check == "1" else 405)

    @router.post("/slack/events", include_in_schema=False)
    async def slack_events(request: Request) -> Response:
        with memory.body() as held:
            return await answer(request, held)

    async def answer(request: Request, held: HeldBody) -> Response:
        body = await _capped(request, held)
        if held.refused:
            retry = {"Retry-After": str(BODIES_RETRY)}
            return PlainTextResponse("busy", 503, retry)
        if body is None:
            return PlainTextResponse("too large", 413)
        if body.startswith(b"ssl_check=1"):
            return PlainTextResponse("")
        # Bolt parses a body before it verifies it: a malformed one would be a 500 for anybody.
        if not _signed(verifier, request.headers, body):
            _log.warning("slack_signature_refused")
            FORGERIES[Forgery.SLACK_SIGNATURE] += 1
            return PlainTextResponse("invalid request", 401)
        return await _dispatch(app, request, body)

    return router


async def _capped(request: Request, held: HeldBody) -> bytes | None:
    """The body; None where it is too large, or can't be kept, or the sender has gone."""
    kept = bytearray()
    try:
        async for chunk in request.stream():
            kept += chunk
            if len(kept) > MOST_BYTES or not held.add(len(chunk)):
                return None
    except ClientDisconnect:
        return None
    return bytes(kept)


def _signed(verifier: SignatureVerifier, headers: Mapping[str, str], body: bytes) -> bool:
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        return bool(verifier.is_valid(body, timestamp, signature))
    except UnicodeDecodeError:
        return False


async def _dispatch(app: AsyncApp, request: Request, body: bytes) -> Response:
    try:
        asked = to_async_bolt_request(request, body)
    except (ValueError, AttributeError):
        _log.warning("slack_body_unreadable", bytes=len(body))
        return PlainTextResponse("unreadable body", 400)
    return to_starlette_response(await app.async_dispatch(asked))
