"""Person client: visible text, and waiting for changes."""

import asyncio
import json

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.model import BOT_USER, Message
from deploy.sandbox.slack.person import WAIT_SECONDS, Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import CARD, modal


def test_visible_text_is_the_text_on_the_screen():
    """Blocks are lines, buttons have brackets, menus stay closed."""
    assert visible_text({"text": "fallback", "blocks": CARD}) == (
        "*外部誘導* u_123\n[担当する] [判断する] [⋯]"
    )
    assert visible_text({"text": "fallback", "blocks": []}) == "fallback"


def test_visible_text_has_no_seconds_of_a_date():
    """A wait for `404` must not end on the 40 minutes whose seconds contain it."""
    date = "期限 <!date^1796040488^{time}（{ago}）|12:13> · <!date^1796040488^{time}|12:41>"
    assert visible_text({"text": date}) == "期限 12:13 · 12:41"


async def test_waiting_wakes_when_the_screen_changes(client: AsyncWebClient, sato: Person):
    """The card is posted after the wait began."""
    waiting = asyncio.create_task(sato.wait_card("ts-live", "外部誘導"))
    await client.chat_postMessage(channel="C0LIVE", text="case", blocks=CARD)
    card = await waiting
    await client.chat_update(channel="C0LIVE", ts=card["ts"], text="対応済み", blocks=[])
    assert (await sato.wait_text(card, "対応済み"))["edited"] is True


async def test_a_timeout_names_its_condition(sato: Person):
    """The error has the text that was awaited."""
    with pytest.raises(TimeoutError, match="a card with 無い in ts-live"):
        await sato.wait_card("ts-live", "無い", timeout=0.05)


async def test_waiting_works_before_the_first_message(sato: Person, workspace: Workspace):
    """A direct conversation does not exist before it."""
    waiting = asyncio.create_task(sato.until(lambda: sato.messages("dm"), what="a message"))
    await wait_until(lambda: sato._listening is not None, what="a look")
    channel = workspace.conversation_with(["U0SATO"])
    workspace.post(
        Message(channel.id, workspace.messages.next_ts(), BOT_USER, "はじめて", bot=True)
    )
    assert [each["text"] for each in await waiting] == ["はじめて"]


async def test_a_modal_that_loads_is_waited_for(sato: Person, workspace: Workspace):
    """It is returned once the app has filled it in."""
    loading = {"type": "section", "text": {"type": "plain_text", "text": "読み込んでいます…"}}
    view = workspace.views.open("U0SATO", {**modal(), "blocks": [loading]})
    waiting = asyncio.create_task(sato.modal())
    await wait_until(lambda: sato._listening is not None, what="a look")
    workspace.views.update(view, modal())
    workspace.view_shown(view)
    assert (await waiting)["id"] == view.id


async def test_wait_until_gives_the_first_truthy_value():
    """Functions and coroutines both work."""
    values = iter([0, None, 3])
    assert await wait_until(lambda: next(values)) == 3


async def test_the_stream_notifies_only_people_who_can_see_a_change(
    slack: str, workspace: Workspace
):
    """A DM changes its reader's sequence number, not the others'."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        before = {u: (await _seq(http, u)) for u in ("U0SATO", "U0CLARK")}
        workspace.conversation_with(["U0SATO"])
        assert await _seq(http, "U0SATO") > before["U0SATO"]
        assert await _seq(http, "U0CLARK") == before["U0CLARK"]


async def _seq(http: httpx.AsyncClient, user: str) -> int:
    async with http.stream("GET", "/ui/stream", params={"as": user}) as events:
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                return json.loads(line.removeprefix("data:"))["seq"]
    raise AssertionError("the stream ended")


async def test_state_has_the_person(sato: Person):
    """It has role, groups, locale and the four channels."""
    state = await sato.state()
    assert state["me"] == {
        "id": "U0SATO",
        "name": "sato",
        "display_name": "佐藤",
        "locale": "ja-JP",
        "role": "specialist",
        "groups": ["ts-shift"],
        "color": "b8433f",
    }
    assert [c["name"] for c in state["channels"]] == [
        "ts-live",
        "ts-market",
        "ts-leads",
        "general",
    ]


async def test_an_unknown_person_is_refused(slack: str):
    """The status is 404."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        assert (await http.get("/ui/state", params={"as": "U0NOBODY"})).status_code == 404
