"""Slack over a WebSocket that Koban opens: for a laptop or a closed network."""

import asyncio
from urllib.parse import urlsplit

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

PING_SECONDS = 5
"""Between two pings; the SDK takes a connection for dead after four without an answer."""

PATIENCE = 30.0
"""Seconds for which the SDK may try to connect by itself. It tries one address for ever, and Slack
takes an address for a short time only: after this a new one is asked for from the beginning."""

LOOK_SECONDS = 0.5


async def run_socket_mode(app: AsyncApp, app_token: str, patience: float = PATIENCE) -> None:
    """Hears Slack until cancelled, then closes the connection; Slack replays nothing.

    Raises:
        slack_sdk.errors.SlackApiError: the app token is not one that Slack takes.
        aiohttp.ClientError: Slack could not be reached; a connection lost later is made again.
        TimeoutError: there was no connection for `patience` seconds.
    """
    handler = AsyncSocketModeHandler(app, app_token, ping_interval=PING_SECONDS)
    client = handler.client
    if urlsplit(app.client.base_url).hostname in ("127.0.0.1", "localhost", "::1"):
        # A proxy of the machine does not know a stand-in on it.
        client.proxy = client.web_client.proxy = None
    try:
        # connect() would try a wrong token for ever; asked for here, its refusal is an answer.
        client.wss_uri = await client.issue_new_wss_url()
        async with asyncio.timeout(patience):
            await handler.connect_async()  # type: ignore[no-untyped-call]
        await _until_lost(client, patience)
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _until_lost(client: SocketModeClient, patience: float) -> None:
    """Returns never; raises TimeoutError once there was no connection for `patience` seconds."""
    now = asyncio.get_running_loop().time
    connected = now()
    while now() - connected < patience:
        await asyncio.sleep(LOOK_SECONDS)
        if await client.is_connected():
            connected = now()
    raise TimeoutError("no connection to Slack")
