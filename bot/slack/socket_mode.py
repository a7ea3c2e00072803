"""Socket Mode: Slack over a WebSocket, for a laptop or a closed network."""

import asyncio
from urllib.parse import urlsplit

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

PING_SECONDS = 5
"""Interval of pings; the SDK drops a connection after four without an answer."""

PATIENCE = 30.0
"""Seconds without a connection. The SDK retries one address forever, but Slack accepts an address
for a short time only: afterwards a new one is requested."""

LOOK_SECONDS = 0.5


async def run_socket_mode(app: AsyncApp, app_token: str, patience: float = PATIENCE) -> None:
    """Receives from Slack until cancelled, then closes the connection; Slack replays nothing.

    Raises:
        slack_sdk.errors.SlackApiError: Slack refuses the app token.
        aiohttp.ClientError: Slack is unreachable; a connection lost later is restored.
        TimeoutError: there was no connection for `patience` seconds.
    """
    handler = AsyncSocketModeHandler(app, app_token, ping_interval=PING_SECONDS)
    client = handler.client
    if urlsplit(app.client.base_url).hostname in ("127.0.0.1", "localhost", "::1"):
        # A proxy cannot reach a stand-in on this machine.
        client.proxy = client.web_client.proxy = None
    try:
        # connect() would retry a wrong token forever; this call reports it.
        client.wss_uri = await client.issue_new_wss_url()
        async with asyncio.timeout(patience):
            await handler.connect_async()  # type: ignore[no-untyped-call]
        await _until_lost(client, patience)
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _until_lost(client: SocketModeClient, patience: float) -> None:
    """Raises TimeoutError after `patience` seconds without a connection; never returns."""
    now = asyncio.get_running_loop().time
    connected = now()
    while now() - connected < patience:
        await asyncio.sleep(LOOK_SECONDS)
        if await client.is_connected():
            connected = now()
    raise TimeoutError("no connection to Slack")
