"""Platform client: every response is a success, a refusal, or retryable."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import JsonValue

from activities.errors import Unavailable, retry_after


class PlatformError(Exception):
    """Base of the platform's errors."""


class TryAgain(PlatformError, Unavailable):
    """Retryable error; `status` is the HTTP status, None without a response."""

    def __init__(self, status: int | None = None, wait: timedelta | None = None) -> None:
        """`wait` is the platform's Retry-After."""
        super().__init__(f"the platform is not available ({status or 'no answer'})")
        self.status = status
        self.wait = wait


class Refused(PlatformError):
    """The platform refuses the request; a retry does not help."""

    def __init__(self, status: int) -> None:
        """`status` is the HTTP status of the refusal."""
        super().__init__(f"the platform refused it ({status})")
        self.status = status


class Unclear(PlatformError):
    """A success that can't be read; `status` is its HTTP status.

    `broken` is one that was cut or can't be decoded: the change was most likely made. Otherwise it
    is no answer of an API, such as a sign-in page.
    """

    def __init__(self, status: int, broken: bool) -> None:
        super().__init__(f"the platform's answer can't be read ({status})")
        self.status, self.broken = status, broken


class UnusableSubject(PlatformError):
    """The subject's id can't be part of a path."""


ANSWER_LIMIT = 1024 * 1024
"""Bytes read of a response."""
PLAIN = 100
"""Bytes of a plain answer, such as "OK"."""
TIMEOUT = httpx.Timeout(5.0, connect=3.0)
"""Seconds; those of `read` are for a whole body too: an endless one must not use up the attempt."""
_RETRYABLE = frozenset({408, 425, 429})


class Platform:
    """One platform, by its base URL."""

    def __init__(self, http: httpx.AsyncClient, timeout: httpx.Timeout = TIMEOUT) -> None:
        """`http` carries the base URL and the token."""
        self._http = http
        self._timeout = timeout

    async def change(
        self, method: str, path: str, body: JsonValue, key: str, actor: str | None
    ) -> None:
        """Makes one change. Raises `TryAgain`, `Refused` or `Unclear`."""
        headers = {
            "Idempotency-Key": quote(key, safe="/:"),
            "X-Koban-Actor": quote(actor or "koban", safe=""),
        }
        response, content = await self._send(method, path, headers=headers, body=body)
        if content is None or not _is_answer(response, content):
            raise Unclear(response.status_code, broken=content is None or _is_json(response))

    async def read(self, path: str) -> Any:
        """The JSON document at `path`. Raises `TryAgain` or `Refused`."""
        response, content = await self._send("GET", path)
        try:
            return json.loads(content or b"")
        except (ValueError, RecursionError) as error:
            raise TryAgain(response.status_code) from error

    async def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: JsonValue = None,
    ) -> tuple[httpx.Response, bytes | None]:
        """The response and its body; None for the body of a success that can't be read."""
        if path.startswith("//"):
            raise UnusableSubject("a path that begins with // leaves the platform")
        try:
            async with self._http.stream(
                method, path, headers=headers, json=body, timeout=self._timeout
            ) as response:
                _check(response)
                return response, await _read(response, self._timeout.read)
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            raise TryAgain() from error


def open_platform(base_url: str, token: str | None) -> httpx.AsyncClient:
    """The HTTP client of a platform. Close it with `aclose`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limits = httpx.Limits(max_connections=50)
    return httpx.AsyncClient(
        base_url=base_url, headers=headers, follow_redirects=False, limits=limits
    )


async def _read(response: httpx.Response, seconds: float | None) -> bytes | None:
    content = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > ANSWER_LIMIT:
                    return None
    except (httpx.TransportError, httpx.DecodingError, TimeoutError):
        return None
    return bytes(content)


def _is_json(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return bool(kind == "application/json" or kind.endswith("+json"))


def _is_answer(response: httpx.Response, content: bytes) -> bool:
    """True for a body that an API sends: none, JSON, or a plain word."""
    text = content.strip()
    if not text:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return not _is_json(response) and len(text) <= PLAIN and b"<" not in text
    return True


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _RETRYABLE or status >= 500:
        raise TryAgain(status, retry_after(response.headers.get("Retry-After")))
    raise Refused(status)
