"""Interactions of people, received by a real Bolt app."""

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.person import WAIT_SECONDS, NotThere, Person, Refused, wait_until
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import CARD, TinyBot, modal


@pytest.fixture
async def card(client: AsyncWebClient, bot: TinyBot, sato: Person) -> dict:
    metadata = {"event_type": "koban_case", "event_payload": {"case": "K1"}}
    await client.chat_postMessage(channel="C0LIVE", text="case", blocks=CARD, metadata=metadata)
    return await sato.wait_card("ts-live", "外部誘導")


async def test_a_press_reaches_the_app_as_block_actions(card: dict, bot: TinyBot, sato: Person):
    """Bolt accepts signature, payload and response_url; the answer is ephemeral."""
    await sato.press(card, "担当する")
    (body,) = bot.heard
    assert body["type"] == "block_actions"
    assert body["user"]["id"] == "U0SATO"
    assert body["container"] == {
        "type": "message",
        "message_ts": card["ts"],
        "channel_id": "C0LIVE",
        "is_ephemeral": False,
    }
    assert body["message"]["metadata"]["event_payload"] == {"case": "K1"}
    assert body["actions"][0]["value"] == "K1:1"
    assert body["actions"][0]["text"]["text"] == "担当する"
    assert (body["enterprise"], body["is_enterprise_install"]) == (None, False)
    shown = await sato.until(lambda: sato.ephemerals("ts-live"))
    assert [m["text"] for m in shown] == ["佐藤さんが担当しています"]


async def test_an_overflow_choice_carries_the_whole_option(card: dict, bot: TinyBot, sato: Person):
    """It has the option's text and value."""
    await sato.choose_overflow(card, "手放す")
    assert bot.heard[0]["actions"][0]["selected_option"] == {
        "text": {"type": "plain_text", "text": "手放す"},
        "value": "release",
    }


async def test_pressing_a_missing_control_lists_the_others(card: dict, sato: Person):
    """The error names the visible controls."""
    with pytest.raises(NotThere, match=r"担当する \(case\.claim\)"):
        await sato.press(card, "強制退会")


async def test_an_outdated_card_is_pressed_as_it_was(
    card: dict, bot: TinyBot, client: AsyncWebClient, sato: Person
):
    """A click during an update has the value of the older card."""
    await client.chat_update(channel="C0LIVE", ts=card["ts"], text="closed")
    await sato.press(card, "担当する")
    assert bot.heard[0]["actions"][0]["value"] == "K1:1"
    assert bot.heard[0]["message"]["text"] == "closed"


async def test_a_button_of_a_deleted_message_is_an_error(
    card: dict, client: AsyncWebClient, sato: Person
):
    """The app gets nothing, and the person sees an error."""
    await client.chat_delete(channel="C0LIVE", ts=card["ts"])
    with pytest.raises(Refused, match="もう表示されていません"):
        await sato.press(card, "担当する")


async def test_silence_becomes_an_error_in_the_persons_language(
    bot: TinyBot, client: AsyncWebClient, workspace: Workspace, sato: Person, clark: Person
):
    """Without an ack in time the person sees an error, which is recorded."""
    workspace.ack_seconds = 0.2
    hang = {
        "type": "button",
        "action_id": "case.hang",
        "text": {"type": "plain_text", "text": "止まる"},
    }
    await client.chat_postMessage(
        channel="C0LIVE", text="x", blocks=[{"type": "actions", "elements": [hang]}]
    )
    with pytest.raises(Refused, match="このアプリは応答しませんでした"):
        await sato.press("止まる", "止まる")
    with pytest.raises(Refused, match="The app did not respond"):
        await clark.press("止まる", "止まる")
    assert await sato.errors() == ["このアプリは応答しませんでした。もう一度お試しください。"]


async def test_an_unreachable_bot_is_an_error_at_once(
    card: dict, workspace: Workspace, sato: Person
):
    """A refused connection does not take three seconds."""
    workspace.bot_url = "http://127.0.0.1:1"
    with pytest.raises(Refused):
        await sato.press(card, "担当する")
    assert workspace.deliveries[-1].error == "connection_failed"


async def test_a_modal_is_opened_filled_and_submitted(card: dict, bot: TinyBot, sato: Person):
    """The submission has state.values, private_metadata and callback_id; the modal closes."""
    await sato.press(card, "判断する")
    view = await sato.modal()
    assert view["title"]["text"] == "判断"
    assert await sato.fill_and_submit({"verdict": "違反", "reason": "LINE ID"}) == {"ok": True}
    sent = bot.heard[-1]["view"]
    assert sent["private_metadata"] == "K1"
    assert sent["state"]["values"]["reason"]["reason"] == {
        "type": "plain_text_input",
        "value": "LINE ID",
    }
    assert sent["state"]["values"]["verdict"]["verdict"]["selected_option"]["value"] == "violation"
    assert await sato.views() == []


async def test_a_required_input_is_checked_by_the_client(card: dict, bot: TinyBot, sato: Person):
    """Nothing is sent to the app."""
    await sato.press(card, "判断する")
    answer = await sato.fill_and_submit({"verdict": "violation"})
    assert answer == {"ok": False, "errors": {"reason": "この項目は必須です。"}}
    assert [b["type"] for b in bot.heard] == ["block_actions"]


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ({"response_action": "update", "view": modal("確認")}, ["確認"]),
        ({"response_action": "push", "view": modal("追加")}, ["判断", "追加"]),
        ({"response_action": "clear"}, []),
    ],
)
async def test_response_actions_change_the_stack(
    card: dict, bot: TinyBot, sato: Person, answer: dict, titles: list[str]
):
    """update replaces, push adds, clear closes all."""
    bot.answer = answer
    await sato.press(card, "判断する")
    assert (await sato.fill_and_submit({"verdict": "違反", "reason": "x"}))["ok"]
    assert [v["title"]["text"] for v in await sato.views()] == titles


async def test_errors_from_the_app_are_shown_under_their_inputs(
    card: dict, bot: TinyBot, sato: Person
):
    """The modal stays open with its input."""
    bot.answer = {"response_action": "errors", "errors": {"reason": "もう少し詳しく"}}
    await sato.press(card, "判断する")
    answer = await sato.fill_and_submit({"verdict": "違反", "reason": "x"})
    assert answer == {"ok": False, "errors": {"reason": "もう少し詳しく"}}
    kept = (await sato.modal())["state"]["values"]["reason"]["reason"]["value"]
    assert kept == "x"


async def test_errors_for_unknown_blocks_are_a_failure(card: dict, bot: TinyBot, sato: Person):
    """Slack can't show them and reports a failure."""
    bot.answer = {"response_action": "errors", "errors": {"nowhere": "x"}}
    await sato.press(card, "判断する")
    answer = await sato.fill_and_submit({"verdict": "違反", "reason": "x"})
    assert answer["error"] == "接続に問題がありました。もう一度お試しください。"


async def test_a_slash_command_is_answered_ephemerally(bot: TinyBot, sato: Person, clark: Person):
    """The ack's body is shown to the person who typed it."""
    await sato.command("/koban help", "ts-market")
    assert bot.heard[0]["channel_name"] == "ts-market"
    assert [m["text"] for m in await sato.ephemerals("ts-market")] == ["`help` の使い方です"]
    assert await clark.ephemerals("ts-market") == []


async def test_a_command_without_an_answer_is_an_error(slack: str, clark: Person):
    """The error has the person's language."""
    with pytest.raises(Refused, match="the app did not respond"):
        await clark.command("/koban help")


async def test_home_is_published_when_opened(bot: TinyBot, sato: Person):
    """app_home_opened has user and tab; the view is the person's."""
    await sato.home()

    async def published() -> dict | None:
        return (await sato.state())["home"]

    view = await sato.until(published)
    assert view["type"] == "home"
    assert bot.heard[0]["tab"] == "home"


async def test_a_failed_event_is_delivered_again(bot: TinyBot, sato: Person):
    """Retries have a number and a reason, and end after an ack."""
    bot.home_failures = 2
    await sato.home()
    await wait_until(lambda: bot.heard)
    seen = [(r.get("x-slack-retry-num"), r.get("x-slack-retry-reason")) for r in bot.requests]
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error")]


async def test_an_ephemerals_buttons_come_without_the_message(
    bot: TinyBot, client: AsyncWebClient, sato: Person
):
    """Slack stores no ephemeral messages: container.is_ephemeral is set, message is missing."""
    await client.chat_postEphemeral(channel="C0LIVE", user="U0SATO", text="x", blocks=CARD)
    (seen,) = await sato.ephemerals("ts-live")
    await sato.choose_overflow(seen, "メモ")
    assert bot.heard[0]["container"]["is_ephemeral"] is True
    assert "message" not in bot.heard[0]


async def test_a_response_url_works_five_times(card: dict, bot: TinyBot, sato: Person):
    """Replace, delete and post count; the sixth use is refused."""
    await sato.choose_overflow(card, "手放す")
    url = bot.heard[0]["response_url"]
    async with httpx.AsyncClient(timeout=WAIT_SECONDS) as http:
        assert (await http.post(url, json={"text": "new", "replace_original": True})).text == "ok"
        assert (await sato.latest(card))["text"] == "new"
        for _ in range(3):
            await http.post(url, json={"text": "公開", "response_type": "in_channel"})
        await http.post(url, json={"delete_original": True})
        last = await http.post(url, json={"text": "too late"})
    assert (last.status_code, last.json()["error"]) == (404, "used_url")
    assert [m["text"] for m in await sato.messages("ts-live")] == ["公開", "公開", "公開"]


async def test_an_external_select_asks_the_app_for_options(
    bot: TinyBot, client: AsyncWebClient, slack: str
):
    """block_suggestion has the typed text."""
    select = {
        "type": "external_select",
        "action_id": "pick",
        "placeholder": {"type": "plain_text", "text": "選ぶ"},
    }
    block = {"type": "actions", "block_id": "b", "elements": [select]}
    posted = await client.chat_postMessage(channel="C0LIVE", text="x", blocks=[block])
    asked = {
        "as": "U0SATO",
        "container": {"type": "message", "channel": "C0LIVE", "ts": posted["ts"]},
        "block_id": "b",
        "action_id": "pick",
        "value": "pa",
    }
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        got = (await http.post("/ui/options", json=asked)).json()
    assert [o["value"] for o in got["options"]] == ["pareto"]
    assert bot.heard[0]["value"] == "pa"


async def test_a_button_inside_a_container_keeps_its_own_block(
    bot: TinyBot, client: AsyncWebClient, sato: Person
):
    """The payload has the inner block_id, not the container's."""
    title = {"type": "plain_text", "text": "根拠"}
    box = {"type": "container", "block_id": "box", "title": title, "child_blocks": CARD}
    await client.chat_postMessage(channel="C0LIVE", text="x", blocks=[box])
    await sato.choose_overflow("外部誘導", "メモ")
    assert bot.heard[0]["actions"][0]["block_id"] == "do"
