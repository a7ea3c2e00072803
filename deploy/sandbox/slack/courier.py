"""Carries what people do to the bot as Slack does: signed over HTTP, or over its sockets.

One try for what people do; events that failed over HTTP are delivered again.

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

# A kept connection may be closed by the bot in the moment in which it is used again.
_ONE_EACH = httpx.Limits(max_keepalive_connections=0)
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Silence(StrEnum):
    """Why there is no good answer; the words of X-Slack-Retry-Reason."""

    TIMEOUT = "http_timeout"
    UNREACHABLE = "connection_failed"
    HTTP_ERROR = "http_error"


@dataclass(frozen=True)
class Answer:
    status: int | None
    body: str = ""
    silence: Silence | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.silence is None

    def json(self) -> object:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Courier:
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
        """The first try's answer; events that failed over HTTP come again in the background."""
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
                "X-Slack-Retry-Reason": str(last.silence),
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
        return self._noted(kind, began, await self._post(body, headers))

    def _noted(self, kind: str, began: float, answer: Answer) -> Answer:
        self._workspace.deliveries.append(
            Delivery(kind, began, time.time() - began, answer.status, answer.silence)
        )
        return answer

    async def _over_socket(self, kind: str, envelope: Kind, payload: dict) -> Answer:
        began = time.time()
        try:
            async with asyncio.timeout(self._workspace.ack_seconds):
                said = await self._workspace.sockets.send(envelope, payload)
        except TimeoutError:
            return self._noted(kind, began, Answer(None, silence=Silence.TIMEOUT))
        except NoSocket:
            return self._noted(kind, began, Answer(None, silence=Silence.UNREACHABLE))
        # The app's answer reads the same as the body of an HTTP answer does.
        return self._noted(kind, began, Answer(200, json.dumps(said) if said else ""))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = f"{self._workspace.bot_url.rstrip('/')}/slack/events"
        try:
            async with asyncio.timeout(self._workspace.ack_seconds):
                got = await self._client.post(url, content=body, headers=dict(headers))
        except TimeoutError:
            return Answer(None, silence=Silence.TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(None, silence=Silence.UNREACHABLE)
        no_retry = got.headers.get("X-Slack-No-Retry") == "1"
        silence = None if got.status_code == 200 else Silence.HTTP_ERROR
        return Answer(got.status_code, got.text, silence, no_retry)
