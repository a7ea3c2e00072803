"""Web API as a bot's client sees it, through slack_sdk over HTTP."""

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.person import WAIT_SECONDS, Person
from deploy.sandbox.slack.workspace import Workspace
from tests.sandbox.slack.tiny_bot import CARD

HI = [{"type": "section", "block_id": "b1", "text": {"type": "mrkdwn", "text": "hi"}}]


async def refused(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_a_post_is_in_the_history_with_its_metadata(client: AsyncWebClient):
    """conversations.history returns metadata on request only."""
    metadata = {"event_type": "koban_case", "event_payload": {"case": "K1"}}
    posted = await client.chat_postMessage(
        channel="#ts-live", text="hi", blocks=HI, metadata=metadata
    )
    assert posted["channel"] == "C0LIVE"
    with_it = await client.conversations_history(channel="C0LIVE", include_all_metadata=True)
    without = await client.conversations_history(channel="C0LIVE")
    assert with_it["messages"][0]["metadata"] == metadata
    assert "metadata" not in without["messages"][0]


async def test_json_form_and_query_bodies_mean_the_same(slack: str, workspace: Workspace):
    """Arguments have three formats; the token is a header or an argument."""
    fields = {"token": workspace.bot_token, "channel": "C0LIVE", "text": "hi"}
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        form = await http.post("/api/chat.postMessage", data=fields)
        query = await http.get("/api/chat.postMessage", params=fields)
        json = await http.post(
            "/api/chat.postMessage",
            json={"channel": "C0LIVE", "text": "hi"},
            headers={"Authorization": f"Bearer {workspace.bot_token}"},
        )
    assert [r.json()["ok"] for r in (form, query, json)] == [True, True, True]
    assert len(workspace.messages.all("C0LIVE")) == 3


async def test_tokens_and_methods_are_checked(slack: str):
    """A missing token is not_authed, a wrong one invalid_auth, another method unknown_method."""
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        none = await http.post("/api/auth.test")
        wrong = await http.post("/api/auth.test", data={"token": "xoxb-no"})
        unknown = await http.post("/api/chat.postmessage")
    assert none.json() == {"ok": False, "error": "not_authed"}
    assert wrong.json() == {"ok": False, "error": "invalid_auth"}
    assert unknown.json() == {"ok": False, "error": "unknown_method"}


async def test_refusals_have_slacks_error_codes(client: AsyncWebClient):
    """Each wrong call has the documented error."""
    post = client.chat_postMessage
    assert await refused(post(channel="C0NONE", text="x")) == "channel_not_found"
    assert await refused(post(channel="general", text="x")) == "not_in_channel"
    assert (
        await refused(client.api_call("chat.postMessage", json={"channel": "C0LIVE"})) == "no_text"
    )
    assert await refused(post(channel="C0LIVE", text="x", thread_ts="1.0")) == "thread_not_found"
    assert await refused(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert await refused(client.chat_delete(channel="C0LIVE", ts="1.0")) == "message_not_found"
    bad = {"event_type": "koban_case"}
    assert (
        await refused(post(channel="C0LIVE", text="x", metadata=bad)) == "invalid_metadata_format"
    )
    assert await refused(client.api_call("users.info", params={})) == "user_not_found"
    assert await refused(client.api_call("views.open", json={})) == "invalid_arguments"
    assert await refused(client.apps_connections_open(app_token="xapp-1")) == "invalid_auth"


async def test_invalid_blocks_have_a_pointer(client: AsyncWebClient):
    """response_metadata.messages has the place of the fault."""
    header = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0LIVE", text="x", blocks=header)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]
    not_json = client.api_call(
        "chat.postMessage", params={"channel": "C0LIVE", "text": "x", "blocks": "[{"}
    )
    assert await refused(not_json) == "invalid_blocks_format"


async def test_updating_with_text_alone_removes_the_blocks(client: AsyncWebClient):
    """Cards can lose their buttons this way."""
    ts = (await client.chat_postMessage(channel="C0LIVE", text="hi", blocks=HI))["ts"]
    updated = await client.chat_update(channel="C0LIVE", ts=ts, text="now")
    assert updated["message"]["blocks"] == []
    assert updated["message"]["text"] == "now"


async def test_long_texts_are_truncated_when_posted_and_refused_when_updated(
    client: AsyncWebClient,
):
    """The limits are 40,000 characters for a post and 4,000 escaped bytes for an update."""
    posted = await client.chat_postMessage(channel="C0LIVE", text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    fits = client.chat_update(channel="C0LIVE", ts=posted["ts"], text="&" * 800)
    assert (await fits)["ok"]
    over = client.chat_update(channel="C0LIVE", ts=posted["ts"], text="&" * 801)
    assert await refused(over) == "msg_too_long"


async def test_only_the_apps_own_messages_can_be_changed(client: AsyncWebClient, sato: Person):
    """The app can't edit or delete a person's message."""
    ts = await sato.say("ts-live", "見ています")
    update = client.chat_update(channel="C0LIVE", ts=ts, text="x")
    assert await refused(update) == "cant_update_message"
    delete = client.chat_delete(channel="C0LIVE", ts=ts)
    assert await refused(delete) == "cant_delete_message"


async def test_an_ephemeral_is_seen_by_one_and_cannot_be_updated(
    client: AsyncWebClient, sato: Person, clark: Person
):
    """Neither chat.update, other people nor the history find it."""
    sent = await client.chat_postEphemeral(channel="C0LIVE", user="U0SATO", text="あなたにだけ")
    assert [m["text"] for m in await sato.ephemerals("ts-live")] == ["あなたにだけ"]
    assert await clark.ephemerals("ts-live") == []
    update = client.chat_update(channel="C0LIVE", ts=sent["message_ts"], text="x")
    assert await refused(update) == "message_not_found"
    assert (await client.conversations_history(channel="C0LIVE"))["messages"] == []


async def test_threads_count_and_list_their_replies(client: AsyncWebClient, sato: Person):
    """replies starts with the parent; history leaves out the replies."""
    parent = (await client.chat_postMessage(channel="C0LIVE", text="case", blocks=HI))["ts"]
    for text in ("受付", "担当"):
        await client.chat_postMessage(channel="C0LIVE", text=text, thread_ts=parent)
    thread = await client.conversations_replies(channel="C0LIVE", ts=parent)
    assert [m["text"] for m in thread["messages"]] == ["case", "受付", "担当"]
    history = (await client.conversations_history(channel="C0LIVE"))["messages"]
    assert [(m["text"], m["reply_count"]) for m in history] == [("case", 2)]
    card = await sato.wait_card("ts-live", "hi")
    assert card["reply_count"] == 2
    assert [m["text"] for m in await sato.thread(card)] == ["受付", "担当"]


async def test_history_pages_backwards(client: AsyncWebClient):
    """limit and cursor page from the newest to the oldest."""
    for number in range(5):
        await client.chat_postMessage(channel="C0LIVE", text=str(number))
    texts = []
    async for page in await client.conversations_history(channel="C0LIVE", limit=2):
        texts.append([m["text"] for m in page["messages"]])
    assert texts == [["4", "3"], ["2", "1"], ["0"]]


async def test_posting_to_a_user_opens_their_dm(client: AsyncWebClient, sato: Person, clark):
    """Only that person sees it; conversations.open returns the same channel."""
    posted = await client.chat_postMessage(channel="U0SATO", text="承認をお願いします")
    opened = await client.conversations_open(users="U0SATO")
    assert posted["channel"] == opened["channel"]["id"] == "D0SATO"
    assert [m["text"] for m in await sato.messages("dm")] == ["承認をお願いします"]
    assert "D0SATO" not in (await clark.state())["messages"]


async def test_joining_makes_posting_possible(client: AsyncWebClient):
    """#general refuses posts until the app joins."""
    await client.conversations_join(channel="C0GENERAL")
    assert (await client.chat_postMessage(channel="general", text="hi"))["ok"]


async def test_people_and_groups_are_listed(client: AsyncWebClient):
    """The locale is returned on request only; groups have member ids."""
    person = await client.users_info(user="U0CLARK", include_locale=True)
    plain = await client.users_info(user="U0CLARK")
    leads = await client.usergroups_users_list(usergroup="S0LEAD")
    assert person["user"]["locale"] == "en-US"
    assert "locale" not in plain["user"]
    assert leads["users"] == ["U0TANAKA", "U0REED"]
    groups = (await client.usergroups_list())["usergroups"]
    assert [g["handle"] for g in groups] == ["ts-shift", "ts-lead", "ts-audit"]


async def test_a_file_goes_up_in_three_steps_and_is_shown(
    client: AsyncWebClient, slack: str, sato: Person
):
    """files_upload_v2 works; the bytes are served in a browser sandbox."""
    await client.files_upload_v2(
        channel="C0LIVE", filename="証拠.png", content=b"\x89PNG", title="証拠"
    )
    (message,) = await sato.messages("ts-live")
    (file,) = message["files"]
    assert (file["name"], file["mimetype"]) == ("証拠.png", "image/png")
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        got = await http.get(file["url"])
    assert got.content == b"\x89PNG"
    assert got.headers["content-security-policy"] == "sandbox"


async def test_calls_are_counted(client: AsyncWebClient, slack: str):
    """Benchmarks read the Slack calls of each case here."""
    await client.chat_postMessage(channel="C0LIVE", text="x", blocks=CARD)
    await client.auth_test()
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=slack) as http:
        counted = (await http.get("/ui/calls")).json()
    assert counted == {
        "calls": {"chat.postMessage": 1, "auth.test": 1},
        "refused": {},
        "total": 2,
    }


async def test_an_image_needs_an_existing_file(client: AsyncWebClient, workspace: Workspace):
    """An unknown or incomplete file is refused with Slack's message."""
    image = {"type": "image", "slack_file": {"id": "F0000NONE"}, "alt_text": "none"}
    with pytest.raises(SlackApiError) as failed:
        await client.chat_postMessage(channel="C0LIVE", text="x", blocks=[image])
    assert failed.value.response["error"] == "invalid_blocks"
    assert "invalid slack file" in str(failed.value.response["response_metadata"])
    workspace.uploads.process_seconds = 0
    done = await client.files_upload_v2(filename="a.png", content=b"\x89PNG")
    shown = {**image, "slack_file": {"id": done["files"][0]["id"]}}
    assert (await client.chat_postMessage(channel="C0LIVE", text="x", blocks=[shown]))["ok"]
