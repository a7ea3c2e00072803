"""Mentions: hostile text must never mention anyone."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.mentions import Cause, mentions_in
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.workspace import Workspace


def mrkdwn(text: str) -> list[dict]:
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<!channel> と <@U0SATO>", ["<!channel>", "<@U0SATO>"]),
        ("<!subteam^S0LEAD|@ts-lead>", ["<!subteam^S0LEAD>"]),
        ("<@U0SATO|佐藤>", ["<@U0SATO>"]),
        ("<!here>", ["<!here>"]),
        ("&lt;!channel&gt; @channel @佐藤", []),
        ("<!date^1^{time}|x> <https://x|y>", []),
    ],
)
def test_tokens_mention_and_escaped_text_does_not(text: str, found: list[str]):
    """Top-level text and sections are treated alike."""
    assert mentions_in(text, []) == found
    assert mentions_in("", mrkdwn(text)) == found


def test_plain_text_never_mentions():
    """Buttons, headers and plain sections show the characters."""
    header = {"type": "header", "text": {"type": "plain_text", "text": "<!channel>"}}
    assert mentions_in("", [header]) == []


def test_rich_text_mentions_by_element():
    """The elements user, usergroup and broadcast mention."""
    inner = [
        {"type": "user", "user_id": "U0SATO"},
        {"type": "usergroup", "usergroup_id": "S0LEAD"},
        {"type": "broadcast", "range": "here"},
        {"type": "text", "text": "<!channel>"},
    ]
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": inner}],
    }
    assert mentions_in("", [rich]) == ["<@U0SATO>", "<!subteam^S0LEAD>", "<!here>"]


async def test_a_mention_reaches_the_group_and_counts_until_read(
    client: AsyncWebClient, workspace: Workspace, sato: Person
):
    """The badge disappears when the channel is read."""
    await client.chat_postMessage(channel="C0LIVE", text="<!subteam^S0SHIFT> 期限です")
    (heard,) = workspace.notifications
    assert (heard.cause, heard.users) == (Cause.POSTED, ("U0SATO", "U0CLARK"))

    async def badge() -> tuple[int, int]:
        channels = (await sato.state())["channels"]
        live = next(c for c in channels if c["id"] == "C0LIVE")
        return live["unread"], live["mention_count"]

    assert await badge() == (1, 1)
    workspace.mark_read("U0SATO", "C0LIVE")
    assert await badge() == (0, 0)


async def test_only_new_mentions_of_an_edit_are_recorded(
    client: AsyncWebClient, workspace: Workspace
):
    """An edit does not notify in Slack, so it is recorded separately."""
    ts = (await client.chat_postMessage(channel="C0LIVE", text="<@U0SATO>"))["ts"]
    await client.chat_update(channel="C0LIVE", ts=ts, text="<@U0SATO> <@U0CLARK>")
    assert [(n.cause, n.target) for n in workspace.notifications] == [
        (Cause.POSTED, "<@U0SATO>"),
        (Cause.EDITED, "<@U0CLARK>"),
    ]


async def test_what_a_person_types_is_escaped(workspace: Workspace, sato: Person):
    """Slack's own client escapes it too."""
    await sato.say("ts-live", "<!channel> & co")
    assert workspace.messages.all("C0LIVE")[0].text == "&lt;!channel&gt; &amp; co"
    assert workspace.notifications == []
