"""Standard Webhooks: signed request bodies and the secrets that verify them."""

import asyncio
import email.message
import re
from collections.abc import Mapping

from standardwebhooks.webhooks import WebhookVerificationError
from starlette.requests import ClientDisconnect, Request

from bot.admission import HeldBody
from bot.errors import FORGERIES, Forgery
from bot.http.models import RequestRefused
from bot.sender_keys import Signer
from workflows.domain.ids import FEEDBACK

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def verify_signature(
    body: bytes, headers: Mapping[str, str], allowed: tuple[Signer, ...]
) -> Signer:
    """Returns the signer whose secret signed `body` lately. Raises `RequestRefused` (401)."""
    signature = _signature_headers(headers)
    for signer in allowed:
        try:
            signer.webhook.verify(body, signature, json_parse=False)
        except WebhookVerificationError as refused:
            if "timestamp" in str(refused):
                raise _not_signed(
                    "The webhook-timestamp is more than 5 minutes from the current time."
                ) from refused
        except ValueError:
            # The library raises these for broken base64, a signature without a comma and a body
            # that is not UTF-8.
            continue
        else:
            return signer
    raise _not_signed("The webhook-signature does not match any valid secret.")


def _signature_headers(headers: Mapping[str, str]) -> dict[str, str]:
    given = {name: headers.get(name, "") for name in _HEADERS}
    for name, value in given.items():
        if not value:
            raise _not_signed(f"The header {name} is missing.")
        if not value.isascii():
            raise _not_signed(f"The header {name} has non-ASCII characters.")
    if given["webhook-id"].startswith(FEEDBACK):
        # The same secret may sign feedback: a receiver must not turn one into an alert.
        raise _not_signed(f"A webhook-id that begins with {FEEDBACK} is one of Koban's own.")
    if _TIMESTAMP.fullmatch(given["webhook-timestamp"]) is None:
        raise _not_signed("The webhook-timestamp must be whole seconds since 1970.")
    return given


_GZIP = b"\x1f\x8b"


def check_encoding(body: bytes, headers: Mapping[str, str]) -> None:
    """Raises `RequestRefused` (415) for a body that is compressed, or not UTF-8.

    The signature of such a body can't be verified, and its sender needs another answer.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity") or body.startswith(_GZIP):
        raise _wrong_encoding("The body is compressed: send it as it is, and sign it as it is.")
    kind = email.message.Message()
    kind["content-type"] = headers.get("content-type", "")
    named = kind.get_content_charset("utf-8")
    if named not in ("utf-8", "utf8", "us-ascii"):
        raise _wrong_encoding(f"The body is {named[:40]}: send JSON as UTF-8.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        place = error.start
        raise _wrong_encoding(f"The body is not UTF-8: byte {place} can't be read.") from error


MAX_BODY = 1024 * 1024
"""Bytes of one request: 1 MiB."""

DRAIN_LIMIT = 8 * MAX_BODY
"""Bytes of a too large body that are read and dropped, so that its sender can read the answer."""

READ_TIMEOUT = 10.0
"""Seconds in which the body has to arrive: a slow sender must not hold a connection."""


async def read_body(request: Request, held: HeldBody) -> bytes:
    """Returns the raw body, which `held` has counted.

    Raises:
        RequestRefused: it is too large (413) or slow (408), or there are too many (503).
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > DRAIN_LIMIT:
        raise _too_large()
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _read(request, held)
    except (TimeoutError, ClientDisconnect) as error:
        raise RequestRefused("The body did not arrive in time.", status=408) from error


async def _read(request: Request, held: HeldBody) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAIN_LIMIT:
            break
        if size <= MAX_BODY and held.add(len(chunk)):
            body += chunk
        else:
            body.clear()
    if size > MAX_BODY:
        raise _too_large()
    if held.refused:
        raise RequestRefused("Too many large requests are under way: send it again.", status=503)
    return bytes(body)


def _too_large() -> RequestRefused:
    return RequestRefused(f"A request may have at most {MAX_BODY} bytes.", status=413)


def _wrong_encoding(sentence: str) -> RequestRefused:
    return RequestRefused(sentence, status=415)


def _not_signed(sentence: str) -> RequestRefused:
    FORGERIES[Forgery.WEBHOOK_SIGNATURE] += 1
    return RequestRefused(sentence, status=401)
