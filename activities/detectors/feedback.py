"""Feedback webhooks: verdicts posted to detectors, signed as Standard Webhooks."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from standardwebhooks.webhooks import Webhook

from activities.errors import retry_after
from workflows.domain.feedback import FeedbackMessage, FeedbackProblem, FeedbackProblemKind

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
"""Seconds of each step of an attempt."""
ATTEMPT = 15.0
"""Seconds of a whole attempt: an answer that comes byte by byte is cut off."""
PATIENCE = 2.0
"""Seconds for the body of an answer, which says nothing to Koban."""
ANSWER = 16 * 1024
"""Bytes of an answer that are read, so that the connection can be used again."""
GONE = 410


@dataclass(frozen=True)
class Receiver:
    """Receiver of a detector's feedback; all `secrets` sign, two of them during rotation."""

    url: str
    secrets: tuple[str, ...]


def open_webhooks() -> httpx.AsyncClient:
    """The HTTP client of all receivers. Close it with `aclose`.

    No receiver gets what another one said, such as its cookies, or goes through a proxy.
    """
    return httpx.AsyncClient(
        follow_redirects=False,
        limits=httpx.Limits(max_connections=50),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
    )


class NotDelivered(Exception):
    """A failed attempt; `wait` is the receiver's Retry-After."""

    def __init__(self, problem: FeedbackProblem, wait: timedelta | None = None) -> None:
        super().__init__(f"feedback was not delivered ({problem.kind})")
        self.problem, self.wait = problem, wait


def content_of(message: FeedbackMessage) -> bytes:
    """The body: what a detector needs to learn from a verdict, and nothing about people."""
    data = {
        "detector": message.detector,
        "alert": message.alert_id,
        "kind": message.kind,
        "subject": None if message.subject is None else message.subject.model_dump(),
        "case": message.case_id,
        "version": message.version,
        "verdict": message.verdict,
        "clause": message.clause,
        "decided_at": _time(message.decided_at),
        "source": message.source,
        "auto": message.auto,
        "overturned": message.overturned,
    }
    whole = {"type": "alert.judged", "timestamp": data["decided_at"], "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def post(http: httpx.AsyncClient, receiver: Receiver, message: FeedbackMessage) -> None:
    """Posts a message; its id is the same for every attempt. Raises `NotDelivered`.

    Any 2xx is a success. A redirect is none: another address must not get the message.
    """
    body = content_of(message)
    headers = {"content-type": "application/json", **_signed(receiver, message.id, body)}
    try:
        async with asyncio.timeout(ATTEMPT):
            status, wait = await _posted(http, receiver.url, body, headers)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        problem = FeedbackProblem(kind=FeedbackProblemKind.NO_ANSWER)
        raise NotDelivered(problem) from error
    if 200 <= status < 300:
        return
    kind = FeedbackProblemKind.GONE if status == GONE else FeedbackProblemKind.REFUSED
    raise NotDelivered(FeedbackProblem(kind=kind, status=status), wait)


async def _posted(
    http: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
) -> tuple[int, timedelta | None]:
    request = http.build_request("POST", url, content=body, headers=headers, timeout=TIMEOUT)
    response = await http.send(request, stream=True, follow_redirects=False)
    try:
        await _drain(response)
    finally:
        await response.aclose()
    return response.status_code, retry_after(response.headers.get("retry-after"))


async def _drain(response: httpx.Response) -> None:
    """Reads a short answer. Its status counts, also where the rest does not come."""
    size = 0
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > ANSWER:
                    return


def _signed(receiver: Receiver, id_: str, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks, with a signature by each secret."""
    now = datetime.now(UTC)
    signatures = [
        Webhook(secret).sign(msg_id=id_, timestamp=now, data=body.decode())
        for secret in receiver.secrets
    ]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
