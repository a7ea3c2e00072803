"""Socket Mode: interactions reach the app over its WebSockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.person import Person, Refused, wait_until
from deploy.sandbox.slack.sockets import MOST_CONNECTIONS, TICKET_SECONDS, socket_server
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import CARD, TinyBot

NO_ANSWER = "このアプリは応答しませんでした。もう一度お試しください。"


@pytest.fixture
async def socket_mode(workspace: Workspace) -> AsyncIterator[None]:
    """Socket Mode is on, and connections are accepted."""
    workspace.socket_mode = True
    async with socket_server(workspace.sockets):
        yield


@asynccontextmanager
async def listening(workspace: Workspace, bot: TinyBot) -> AsyncIterator[None]:
    """Keeps the app connected for the block."""
    handler = AsyncSocketModeHandler(bot.app, workspace.app_token)
    await handler.connect_async()
    await wait_until(lambda: workspace.sockets.links, what="a connection")
    try:
        yield
    finally:
        await handler.close_async()


@asynccontextmanager
async def raw(workspace: Workspace) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection after its hello, without automatic acks."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(workspace.sockets.issue()) as socket,
    ):
        yield socket


async def card(client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0LIVE", text="u_123", blocks=CARD)


async def test_a_press_goes_over_the_socket_and_is_acknowledged(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """The payload equals that of HTTP, and the app's HTTP address gets nothing."""
    await card(client)
    async with listening(workspace, bot):
        await sato.press("u_123", "担当する")
    assert [heard["actions"][0]["action_id"] for heard in bot.heard] == ["case.claim"]
    assert bot.requests == []
    assert await sato.errors() == []
    [delivery] = workspace.deliveries
    assert (delivery.kind, delivery.status, delivery.error) == ("block_actions", 200, None)


async def test_the_payload_of_an_ack_is_the_apps_answer(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """A command's text is shown to its person, a modal's errors under their inputs."""
    await card(client)
    async with listening(workspace, bot):
        await sato.command("/koban queue")
        [told] = await sato.ephemerals("ts-live")
        assert told["text"] == "`queue` の使い方です"
        await sato.press("u_123", "判断する")
        bot.answer = {"response_action": "errors", "errors": {"reason": "短すぎます"}}
        said = {"verdict": "violation", "reason": "誘導"}
        refused = await sato.fill_and_submit(said)
        assert refused == {"ok": False, "errors": {"reason": "短すぎます"}}
        bot.answer = {}
        assert await sato.fill_and_submit(said) == {"ok": True}
        assert await sato.views() == []


async def test_without_a_socket_the_press_is_an_error_and_never_delivered(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """Slack replays nothing, so the click must be repeated."""
    await card(client)
    with pytest.raises(Refused, match="応答しませんでした"):
        await sato.press("u_123", "担当する")
    async with listening(workspace, bot):
        await sato.command("/koban help")
        assert [heard.get("command") for heard in bot.heard] == ["/koban"]
    assert await sato.errors() == [NO_ANSWER]


async def test_an_app_that_does_not_acknowledge_in_time_is_an_error_to_the_person(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """The limit of three seconds is shortened here; a late ack changes nothing."""
    workspace.ack_seconds = 0.2
    await card(client)
    async with raw(workspace) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(Refused, match="応答しませんでした"):
            await sato.press("u_123", "担当する")
        late = await socket.receive_json()
        await socket.send_json({"envelope_id": late["envelope_id"]})
        await socket.send_str("not json")
        assert late["type"] == "interactive"
        assert late["accepts_response_payload"] is False
    assert await sato.errors() == [NO_ANSWER]


async def test_a_connection_that_closes_without_an_ack_is_an_error_at_once(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """The person does not wait three seconds for an impossible ack."""
    workspace.ack_seconds = 60
    await card(client)
    async with raw(workspace) as socket:
        await socket.receive_json()

        async def drop() -> None:
            await socket.receive_json()
            await socket.close()

        with pytest.raises(Refused, match="応答しませんでした"):
            await asyncio.gather(sato.press("u_123", "担当する"), drop())


async def test_a_refresh_is_followed_by_a_new_connection(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """Slack requests one every few hours, and the app reconnects."""
    await card(client)
    async with listening(workspace, bot):
        await workspace.sockets.refresh()
        await wait_until(
            lambda: workspace.sockets.opened == 2 and len(workspace.sockets.links) == 1
        )
        await sato.press("u_123", "担当する")
    assert len(bot.heard) == 1


async def test_several_connections_take_turns(
    workspace: Workspace, client: AsyncWebClient, bot: TinyBot, sato: Person, socket_mode: None
):
    """Any of them can get the next envelope; an ack counts on the same connection."""
    workspace.ack_seconds = 0.3
    await card(client)
    async with raw(workspace) as first, raw(workspace) as second:
        assert (await first.receive_json())["num_connections"] == 1
        assert (await second.receive_json())["num_connections"] == 2
        carried = []
        for socket in (first, second):
            with pytest.raises(Refused):
                await sato.press("u_123", "担当する")
            carried.append(await socket.receive_json())
    assert len({one["envelope_id"] for one in carried}) == 2


async def test_the_eleventh_connection_is_refused(
    workspace: Workspace, slack: str, socket_mode: None
):
    """A message has the reason before the close."""
    async with AsyncExitStack() as opened:
        for _ in range(MOST_CONNECTIONS):
            await opened.enter_async_context(raw(workspace))
        await wait_until(lambda: len(workspace.sockets.links) == MOST_CONNECTIONS)
        extra = await opened.enter_async_context(raw(workspace))
        told = await extra.receive_json()
        assert (told["type"], told["reason"]) == ("disconnect", "too_many_websockets")
        assert (await extra.receive()).type is aiohttp.WSMsgType.CLOSE
        assert len(workspace.sockets.links) == MOST_CONNECTIONS


async def test_an_address_is_valid_once_and_for_a_limited_time(
    workspace: Workspace, slack: str, socket_mode: None
):
    """A used, invented or expired address is refused."""
    now = [0.0]
    workspace.sockets.clock = lambda: now[0]
    used, old = workspace.sockets.issue(), workspace.sockets.issue()
    made_up = used.replace("ticket=", "ticket=x")
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(used) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        now[0] = TICKET_SECONDS + 1
        for address in (used, made_up, old):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(address)


async def test_each_token_opens_only_its_own_methods(
    workspace: Workspace, client: AsyncWebClient, socket_mode: None
):
    """The app-level token only opens connections; the bot token does the rest."""
    given = await client.apps_connections_open(app_token=workspace.app_token)
    assert given["url"].startswith(workspace.sockets.url)
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.apps_connections_open(app_token=workspace.bot_token)
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.chat_postMessage(channel="C0LIVE", text="x", token=workspace.app_token)
    assert workspace.messages.all("C0LIVE") == []


async def test_without_socket_mode_no_connection_is_offered(
    workspace: Workspace, client: AsyncWebClient
):
    """HTTP is the default of a workspace."""
    with pytest.raises(SlackApiError, match="access_denied"):
        await client.apps_connections_open(app_token=workspace.app_token)
