"""Socket Mode against a small stand-in with one address and one WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.app import make_bolt_app
from bot.slack.socket_mode import run_socket_mode
from bot.tasks import Background
from deploy.sandbox.slack.person import WAIT_SECONDS
from deploy.sandbox.slack.workspace import Workspace
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, ROUTE

PRESS = {
    "type": "block_actions",
    "team": {"id": "T0KOBAN"},
    "user": {"id": "U0SATO"},
    "channel": {"id": "C0LIVE"},
    "container": {"type": "message", "message_ts": "1.1", "channel_id": "C0LIVE"},
    "trigger_id": "1.2.a",
    "actions": [
        {"type": "button", "action_id": "case.claim", "block_id": ROUTE, "value": f"{CASE}:3"}
    ],
}


class SmallSlack:
    """Sends one click over each connection and records the responses."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[dict] = []
        self.answered, self.closed = asyncio.Event(), asyncio.Event()

    async def open(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer xapp-good":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws", 1) + "/ws"})

    async def connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = self.socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello"})
        await socket.send_json({"type": "interactive", "envelope_id": "E1", "payload": PRESS})
        async for message in socket:
            self.answers.append(message.json())
            self.answered.set()
        self.closed.set()
        return socket

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/api/apps.connections.open", self.open)
        app.router.add_get("/ws", self.connected)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self.url
        finally:
            await runner.cleanup()


async def test_a_press_over_the_socket_is_stored_and_acknowledged():
    """The listeners are those of HTTP; the connection is closed with the runner."""
    slack = SmallSlack()
    async with slack.serving() as url, aiohttp.ClientSession() as session:
        env = SlackEnvironment(Workspace(), url)
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/", session=session)
        app = make_bolt_app(env.services(), client, "", Background())
        running = asyncio.create_task(run_socket_mode(app, "xapp-good"))
        async with asyncio.timeout(WAIT_SECONDS):
            await slack.answered.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        async with asyncio.timeout(WAIT_SECONDS):
            await slack.closed.wait()
    assert slack.answers == [{"envelope_id": "E1"}]
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.id, click.case) == (ROUTE, "press/1.2.a", CASE)


async def test_a_token_that_slack_refuses_ends_the_runner():
    """Slack's reason is raised instead of an endless retry."""
    slack = SmallSlack()
    async with slack.serving() as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/", session=session)
        app = make_bolt_app(SlackEnvironment(Workspace(), url).services(), client, "", Background())
        with pytest.raises(SlackApiError, match="invalid_auth"):
            await run_socket_mode(app, "xapp-bad")


async def test_a_dead_address_is_replaced():
    """An address expires soon; the SDK alone would retry it endlessly."""
    slack = SmallSlack()
    async with slack.serving() as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/", session=session)
        app = make_bolt_app(SlackEnvironment(Workspace(), url).services(), client, "", Background())
        slack.url = "http://127.0.0.1:9"  # no server listens there
        with pytest.raises(TimeoutError):
            await run_socket_mode(app, "xapp-good", patience=0.3)


async def test_a_connection_that_stays_lost_ends_the_runner():
    """The caller starts again with a new address."""
    slack = SmallSlack()
    async with AsyncExitStack() as opened:
        url = await opened.enter_async_context(slack.serving())
        session = await opened.enter_async_context(aiohttp.ClientSession())
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/", session=session)
        app = make_bolt_app(SlackEnvironment(Workspace(), url).services(), client, "", Background())
        running = asyncio.create_task(run_socket_mode(app, "xapp-good", patience=4.0))
        async with asyncio.timeout(WAIT_SECONDS):
            await slack.answered.wait()
        slack.url = "http://127.0.0.1:9"
        await slack.socket.close()
        await asyncio.wait({running}, timeout=WAIT_SECONDS)
        assert isinstance(running.exception(), TimeoutError)
