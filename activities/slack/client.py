"""The one client through which Koban writes to Slack."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

SECONDS = 10
"""For one call. Slack answers within one; Temporal tries again after that."""


@asynccontextmanager
async def slack_client(token: str, api_url: str) -> AsyncIterator[AsyncWebClient]:
    """A client over one session. It never retries or waits by itself: Temporal does."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = AsyncWebClient(
            token=token, base_url=api_url, session=session, timeout=SECONDS, retry_handlers=[]
        )
        if urlsplit(api_url).hostname in ("127.0.0.1", "localhost", "::1"):
            client.proxy = None  # a proxy of the machine does not know a stand-in on it
        yield client
