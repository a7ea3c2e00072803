"""Requests to the app: interactions, commands and events, signed over HTTP or over sockets.

Interactions and commands get one try; events that failed over HTTP are delivered again.

https://docs.slack.dev/authentication/verifying-requests-from-slack
https://docs.slack.dev/apis/events-api (retries)
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

import httpx

from deploy.sandbox.slack.sockets import Kind, NoSocket
from deploy.sandbox.slack.workspace import Delivery, Workspace

# The bot may close a kept-alive connection at the moment of its reuse.
_ONE_EACH = httpx.Limits(max_keepalive_connections=0)
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Failure(StrEnum):
    """Reasons of a failed delivery, as in X-Slack-Retry-Reason."""

    TIMEOUT = "http_timeout"
    UNREACHABLE = "connection_failed"
    HTTP_ERROR = "http_error"


@dataclass(frozen=True)
class Answer:
    status: int | None
    body: str = ""
    failure: Failure | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.failure is None

    def json(self) -> object:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class AppClient:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, limits=_ONE_EACH)
        self._redelivering: set[asyncio.Task[None]] = set()

    async def interact(self, payload: dict) -> Answer:
        if self._workspace.socket_mode:
            return await self._over_socket(str(payload["type"]), Kind.INTERACTIVE, payload)
        body = urlencode({"payload": json.dumps(payload, ensure_ascii=False)})
        return await self._send(str(payload["type"]), body, FORM)

    async def command(self, fields: Mapping[str, str]) -> Answer:
        if self._workspace.socket_mode:
            return await self._over_socket("command", Kind.COMMAND, dict(fields))
        return await self._send("command", urlencode(fields), FORM)

    async def event(self, envelope: dict) -> Answer:
        """Response to the first try; failed events are delivered again in the background."""
        if self._workspace.socket_mode:
            return await self._over_socket("event", Kind.EVENT, envelope)
        body = json.dumps(envelope, ensure_ascii=False)
        answer = await self._send("event", body, JSON)
        if not answer.ok and not answer.no_retry and self._workspace.event_retry_delays:
            task = asyncio.create_task(self._redeliver(body, answer))
            self._redelivering.add(task)
            task.add_done_callback(self._redelivering.discard)
        return answer

    async def close(self) -> None:
        """Ends redeliveries and the pages' event streams."""
        self._workspace.feed.close()
        for task in self._redelivering:
            task.cancel()
        await asyncio.gather(*self._redelivering, return_exceptions=True)
        await self._client.aclose()

    async def _redeliver(self, body: str, last: Answer) -> None:
        for number, delay in enumerate(self._workspace.event_retry_delays, start=1):
            await asyncio.sleep(delay)
            headers = {
                "X-Slack-Retry-Num": str(number),
                "X-Slack-Retry-Reason": str(last.failure),
            }
            last = await self._send("event", body, JSON, headers)
            if last.ok or last.no_retry:
                return

    async def _send(
        self, kind: str, text: str, content_type: str, more: Mapping[str, str] | None = None
    ) -> Answer:
        body, timestamp = text.encode(), str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._workspace.signing_secret, timestamp, body),
            **(more or {}),
        }
        began = time.time()
        return self._logged(kind, began, await self._post(body, headers))

    def _logged(self, kind: str, began: float, answer: Answer) -> Answer:
        self._workspace.deliveries.append(
            Delivery(kind, began, time.time() - began, answer.status, answer.failure)
        )
        return answer

    async def _over_socket(self, kind: str, envelope: Kind, payload: dict) -> Answer:
        began = time.time()
        try:
            async with asyncio.timeout(self._workspace.ack_seconds):
                reply = await self._workspace.sockets.send(envelope, payload)
        except TimeoutError:
            return self._logged(kind, began, Answer(None, failure=Failure.TIMEOUT))
        except NoSocket:
            return self._logged(kind, began, Answer(None, failure=Failure.UNREACHABLE))
        # The payload of the ack has the form of an HTTP answer's body.
        return self._logged(kind, began, Answer(200, json.dumps(reply) if reply else ""))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = f"{self._workspace.bot_url.rstrip('/')}/slack/events"
        try:
            async with asyncio.timeout(self._workspace.ack_seconds):
                got = await self._client.post(url, content=body, headers=dict(headers))
        except TimeoutError:
            return Answer(None, failure=Failure.TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(None, failure=Failure.UNREACHABLE)
        no_retry = got.headers.get("X-Slack-No-Retry") == "1"
        failure = None if got.status_code == 200 else Failure.HTTP_ERROR
        return Answer(got.status_code, got.text, failure, no_retry)
