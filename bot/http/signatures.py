"""Standard Webhooks: signed request bodies and the secrets that verify them."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import ClientDisconnect, Request

from bot.http.models import RequestRefused

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class NotSigned(RequestRefused):
    """A request without a valid signature."""

    status = 401


@dataclass(frozen=True)
class Signer:
    """Secret of one detector, or of all detectors without a secret of their own (None)."""

    webhook: Webhook
    detector: str | None


def signers(common: Iterable[str], own: Mapping[str, Iterable[str]]) -> tuple[Signer, ...]:
    """Returns a signer for each valid secret; those of single detectors (`own`) come first."""
    named = [Signer(Webhook(secret), name) for name, several in own.items() for secret in several]
    return (*named, *(Signer(Webhook(secret), None) for secret in common))


def verify_signature(
    body: bytes, headers: Mapping[str, str], allowed: tuple[Signer, ...]
) -> Signer:
    """Returns the signer whose secret signed `body`.

    Raises:
        NotSigned: a header is missing or malformed, the timestamp is more than 5 minutes away, or
            no secret matches.
    """
    signature = _signature_headers(headers)
    for signer in allowed:
        try:
            signer.webhook.verify(body, signature, json_parse=False)
        except WebhookVerificationError as refused:
            if "timestamp" in str(refused):
                raise NotSigned(
                    "The webhook-timestamp is more than 5 minutes from the current time."
                ) from refused
        except ValueError:
            # The library raises these for broken base64, a signature without a comma and a body
            # that is not UTF-8.
            continue
        else:
            return signer
    raise NotSigned("The webhook-signature does not match any valid secret.")


def _signature_headers(headers: Mapping[str, str]) -> dict[str, str]:
    given = {name: headers.get(name, "") for name in _HEADERS}
    for name, value in given.items():
        if not value:
            raise NotSigned(f"The header {name} is missing.")
        if not value.isascii():
            raise NotSigned(f"The header {name} has non-ASCII characters.")
    if _TIMESTAMP.fullmatch(given["webhook-timestamp"]) is None:
        raise NotSigned("The webhook-timestamp must be whole seconds since 1970.")
    return given


MAX_BODY = 1024 * 1024
"""Bytes of one request: 1 MiB."""

DRAIN_LIMIT = 8 * MAX_BODY
"""Bytes of a too large body that are read and dropped, so that its sender can read the answer."""

READ_TIMEOUT = 10.0
"""Seconds in which the body has to arrive: a slow sender must not hold a connection."""


class TooLarge(RequestRefused):
    """A body over `MAX_BODY`, whatever its Content-Length says."""

    status = 413

    def __init__(self) -> None:
        super().__init__(f"A request may have at most {MAX_BODY} bytes.")


class TooSlow(RequestRefused):
    """A body that did not arrive within `READ_TIMEOUT`, or whose sender disconnected."""

    status = 408


async def read_body(request: Request) -> bytes:
    """Returns the raw body, at most `MAX_BODY` bytes. Raises `TooLarge` and `TooSlow`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > DRAIN_LIMIT:
        raise TooLarge
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _read(request)
    except (TimeoutError, ClientDisconnect) as error:
        raise TooSlow("The body did not arrive in time.") from error


async def _read(request: Request) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAIN_LIMIT:
            break
        if size <= MAX_BODY:
            body += chunk
    if size > MAX_BODY:
        raise TooLarge
    return bytes(body)
