"""Shortcuts: global ones, and those in the menu of a message."""

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.person import WAIT_SECONDS, Person, Refused
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import TinyBot


async def test_a_global_shortcut_has_no_channel(bot: TinyBot, sato: Person):
    """It has person, callback id and a trigger, and no response_url."""
    await sato.shortcut("open_case")
    (body,) = bot.heard
    assert (body["type"], body["callback_id"]) == ("shortcut", "open_case")
    assert body["user"]["id"] == "U0SATO"
    assert body["trigger_id"]
    assert body.keys() & {"channel", "message", "response_url"} == set()


async def test_a_message_shortcut_carries_the_message(bot: TinyBot, sato: Person):
    """It has the message as Slack stores it, and its place."""
    await sato.say("ts-live", "u_123 さんが <LINE> に誘導しています")
    (said,) = await sato.messages("ts-live")
    await sato.shortcut("report_message", said)
    (body,) = bot.heard
    assert (body["type"], body["callback_id"]) == ("message_action", "report_message")
    assert (body["channel"]["name"], body["message_ts"]) == ("ts-live", said["ts"])
    assert body["message"]["text"] == "u_123 さんが &lt;LINE&gt; に誘導しています"
    assert body["response_url"].startswith("http")


async def test_a_message_that_is_not_there_has_no_menu(slack: str, bot: TinyBot):
    """Unknown messages and other people's conversations are refused."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        for channel in ("C0LIVE", "C0NOWHERE"):
            asked = {"as": "U0SATO", "callback_id": "x", "channel": channel, "ts": "1.1"}
            assert (await http.post("/ui/message_shortcut", json=asked)).status_code == 404
    assert bot.heard == []


async def test_an_ephemeral_message_has_no_shortcuts(
    client: AsyncWebClient, slack: str, bot: TinyBot, sato: Person
):
    """Slack offers none for ephemeral messages."""
    await client.chat_postEphemeral(channel="C0LIVE", user="U0SATO", text="秘密")
    (seen,) = await sato.ephemerals("ts-live")
    with pytest.raises(httpx.HTTPStatusError):
        await sato.shortcut("report_message", seen)
    assert bot.heard == []


async def test_a_shortcut_without_an_ack_is_an_error(bot: TinyBot, sato: Person):
    """The person sees it."""
    with pytest.raises(Refused):
        await sato.shortcut("nobody_s")


async def test_the_page_gets_the_list_of_shortcuts(slack: str, workspace: Workspace):
    """They come from the app's manifest."""
    offered = {"name": "Open a case", "type": "global", "callback_id": "open_case"}
    workspace.shortcuts = (offered,)
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        assert (await http.get("/ui/shortcuts")).json() == [offered]
