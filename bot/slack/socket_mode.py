"""Slack over a WebSocket that Koban opens: for a laptop or a closed network."""

import asyncio

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp


async def run_socket_mode(app: AsyncApp, app_token: str) -> None:
    """Hears Slack until cancelled, then closes the connection; Slack replays nothing.

    Raises:
        slack_sdk.errors.SlackApiError: the app token is not one that Slack takes.
        aiohttp.ClientError: Slack could not be reached; a connection lost later is made again.
    """
    handler = AsyncSocketModeHandler(app, app_token)
    try:
        # connect() would try a wrong token for ever; asked for here, its refusal is an answer.
        handler.client.wss_uri = await handler.client.issue_new_wss_url()
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await asyncio.Event().wait()
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
