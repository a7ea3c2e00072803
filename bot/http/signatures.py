"""Signatures after Standard Webhooks: the body that was signed, and whose secret signed it."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import ClientDisconnect, Request

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class NotSigned(Exception):
    """The signature does not hold; the message is a sentence for the detector's engineer."""


@dataclass(frozen=True)
class Signer:
    """Who may sign with a secret: one detector, or with None every one without its own secret."""

    webhook: Webhook
    detector: str | None


def signers(common: Iterable[str], own: Mapping[str, Iterable[str]]) -> tuple[Signer, ...]:
    """All secrets that are valid now; `own` is by detector and comes first."""
    named = [Signer(Webhook(secret), name) for name, several in own.items() for secret in several]
    return (*named, *(Signer(Webhook(secret), None) for secret in common))


def who_signed(body: bytes, headers: Mapping[str, str], allowed: tuple[Signer, ...]) -> Signer:
    """The signer whose secret made the signature of `body`.

    Raises:
        NotSigned: where headers are missing or odd, the time is off by over 5 minutes, or no
            secret fits.
    """
    given = _complete(headers)
    for signer in allowed:
        try:
            signer.webhook.verify(body, given, json_parse=False)
        except WebhookVerificationError as refused:
            if "timestamp" in str(refused):
                raise NotSigned(
                    "The webhook-timestamp is more than 5 minutes away from now."
                ) from refused
        except ValueError:
            # The library lets broken base64, a signature without a comma and a body that is not
            # UTF-8 through as various ValueErrors: none of them is a signature.
            continue
        else:
            return signer
    raise NotSigned("The webhook-signature fits no secret that is valid here.")


def _complete(headers: Mapping[str, str]) -> dict[str, str]:
    given = {name: headers.get(name, "") for name in _HEADERS}
    for name, value in given.items():
        if not value:
            raise NotSigned(f"The header {name} is missing.")
        if not value.isascii():
            raise NotSigned(f"The header {name} has characters outside ASCII.")
    if _TIMESTAMP.fullmatch(given["webhook-timestamp"]) is None:
        raise NotSigned("The webhook-timestamp has to be whole seconds since 1970.")
    return given


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
