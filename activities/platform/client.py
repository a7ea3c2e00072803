"""Platform client: every response is a success, a refusal, or retryable."""

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


class UnusableSubject(PlatformError):
    """The subject's id can't be part of a path."""


ANSWER_LIMIT = 1024 * 1024
"""Bytes read of a response."""
TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_RETRYABLE = frozenset({408, 425, 429})


class Platform:
    """One platform, by its base URL."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """`http` carries the base URL and the token."""
        self._http = http

    async def change(
        self, method: str, path: str, body: JsonValue, key: str, actor: str | None
    ) -> None:
        """Makes one change. Raises `TryAgain` or `Refused`."""
        headers = {
            "Idempotency-Key": quote(key, safe="/:"),
            "X-Koban-Actor": quote(actor or "koban", safe=""),
        }
        await self._send(method, path, headers=headers, body=body)

    async def read(self, path: str) -> Any:
        """The JSON document at `path`. Raises `TryAgain` or `Refused`."""
        content = await self._send("GET", path)
        try:
            return json.loads(content)
        except ValueError as error:
            raise TryAgain() from error

    async def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: JsonValue = None,
    ) -> bytes:
        try:
            async with self._http.stream(
                method, path, headers=headers, json=body, timeout=TIMEOUT
            ) as response:
                content = await _read(response)
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            raise TryAgain() from error
        _check(response)
        return content


def open_platform(base_url: str, token: str | None) -> httpx.AsyncClient:
    """The HTTP client of a platform. Close it with `aclose`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limits = httpx.Limits(max_connections=50)
    return httpx.AsyncClient(
        base_url=base_url, headers=headers, follow_redirects=False, limits=limits
    )


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > ANSWER_LIMIT:
            break
    return bytes(content[:ANSWER_LIMIT])


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _RETRYABLE or status >= 500:
        raise TryAgain(status, retry_after(response.headers.get("Retry-After")))
    raise Refused(status)
