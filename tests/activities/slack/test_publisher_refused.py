"""Publisher refused by Slack: everything else goes on, and the card says what is missing."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.screen import visible_text
from tests.activities.slack.cases import SATO, Story
from tests.activities.slack.conftest import Attempts, SlackWorld, failed_attempt, refusing, wanted
from workflows.domain.case.commands import AddNote, ChoosePreset
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.ports.cases import Show


async def test_what_a_person_must_mend_is_tried_again_later(slack: SlackWorld) -> None:
    """The card is posted after the app is invited to the channel."""
    slack.workspace.channels["C0LIVE"].members.remove("U0KOBAN")
    attempts, show = Attempts(), insisting(wanted(Story()), Refused(card=True))
    error = await failed_attempt(slack, show, attempts)
    assert (error.type, error.next_retry_delay) == ("slack_not_in_channel", timedelta(seconds=60))
    assert "u_123" not in str(error)
    slack.workspace.channels["C0LIVE"].members.add("U0KOBAN")
    await slack.show(show, attempts)
    assert len(slack.on("C0LIVE")) == 1


def insisting(show: Show, refused: Refused) -> Show:
    """A write in the background that tries what Slack refused."""
    return show.model_copy(update={"refused": refused, "background": True})


def has_buttons(message: Message) -> list[str]:
    """The action ids of a message's buttons."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [each["action_id"] for row in rows for each in row]


@pytest.mark.parametrize(
    "code", ["is_archived", "channel_not_found", "not_in_channel", "restricted_action"]
)
async def test_a_refused_channel_holds_up_no_approval(slack: SlackWorld, code: str) -> None:
    """The case learns of it, and its request is posted in the leads' channel."""
    slack.workspace.refuses = refusing(code, "chat.postMessage", channel="#ts-live")
    shown = await slack.show(wanted(Story().ban_asked()))
    assert (shown.card, shown.refused) == (None, Refused(card=True))
    assert slack.on("C0LIVE") == []
    (request,) = slack.on("C0LEADS")
    assert shown.approval_card == CardRef(channel="C0LEADS", ts=request.ts)


async def test_a_refused_request_is_posted_beside_the_case(slack: SlackWorld) -> None:
    """The leads' channel is archived."""
    slack.workspace.refuses = refusing("is_archived", "chat.postMessage", channel="#ts-leads")
    shown = await slack.show(wanted(Story().ban_asked()))
    assert shown.refused == Refused()
    assert shown.approval_card is not None
    _, request = slack.on("C0LIVE")
    assert shown.approval_card.ts == request.ts
    assert "approval.approve" in has_buttons(request)


async def test_a_request_that_no_channel_takes_is_reported_and_tried_again(
    slack: SlackWorld,
) -> None:
    """The card says so; a later write posts it."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    story.ban_asked()
    slack.workspace.refuses = lambda method, arguments: (
        "restricted_action" if method == "chat.postMessage" else None
    )
    shown = await slack.show(wanted(story, card))
    assert (shown.approval_card, shown.refused) == (None, Refused(approval=True))
    again = insisting(wanted(story, card), shown.refused)
    assert (await failed_attempt(slack, again, Attempts())).type == "slack_restricted_action"
    assert "承認依頼を投稿できません" in shown_on(slack.on("C0LIVE")[0])
    slack.workspace.refuses = lambda method, arguments: None
    last = await slack.show(again)
    assert (len(slack.on("C0LEADS")), last.refused) == (1, Refused())


async def test_a_new_request_does_not_wait_for_the_old_card(slack: SlackWorld) -> None:
    """Slack refuses to take a rich text block away: the old card is deleted, the new one posted."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    assert shown.approval_card is not None
    seen = story.case.version
    story.rejected().ban_asked(7)
    old = shown.approval_card.ts
    slack.workspace.refuses = refusing("block_mismatch", "chat.update", ts=old)
    again = await slack.show(wanted(story, shown.card, shown.approval_card, after=seen))
    (new,) = slack.on("C0LEADS")
    assert again.approval_card == CardRef(channel="C0LEADS", ts=new.ts)
    assert new.ts != old
    assert "approval.approve" in has_buttons(new)


async def test_a_closed_edit_window_leaves_one_card(slack: SlackWorld) -> None:
    """Each change deletes the card before it."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    slack.workspace.refuses = refusing("edit_window_closed", "chat.update")
    for seconds in (5, 10, 15):
        card = (await slack.show(wanted(story.joined(seconds), card))).card
        (only,) = slack.on("C0LIVE")
        assert card == CardRef(channel="C0LIVE", ts=only.ts)
        assert "case.claim" in has_buttons(only)


async def test_cards_that_nobody_can_remove_have_no_live_buttons(slack: SlackWorld) -> None:
    """The newer ones name the card before them, and only open the case."""
    story = Story()
    first = (await slack.show(wanted(story))).card
    assert first is not None

    def refuses(method: str, arguments: dict) -> str | None:
        refusals = {"chat.update": "edit_window_closed", "chat.delete": "cant_delete_message"}
        return refusals.get(method)

    slack.workspace.refuses = refuses
    card = first
    for seconds in (5, 10):
        shown = await slack.show(wanted(story.joined(seconds), card))
        assert shown.card is not None
        card = shown.card
    old, *newer = slack.on("C0LIVE")
    assert "case.claim" in has_buttons(old)
    assert [has_buttons(each) for each in newer] == [["storm.open"], ["storm.open"]]
    assert f"/archives/C0LIVE/p{first.ts.replace('.', '')}" in shown_on(newer[0])
    slack.workspace.refuses = lambda method, arguments: None
    await slack.show(wanted(story.claimed(), card))
    assert has_buttons(slack.on("C0LIVE")[-1]) == ["storm.open"]


def shown_on(message: Message) -> str:
    """The words of a message's blocks."""
    return visible_text({"blocks": message.blocks})


def closed_thread(code: str) -> Callable[[str, dict], str | None]:
    """A script that refuses every reply in a thread."""

    def refuses(method: str, arguments: dict) -> str | None:
        return code if method == "chat.postMessage" and arguments.get("thread_ts") else None

    return refuses


@pytest.mark.parametrize(
    "code",
    [
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
        "cannot_reply_to_message",
    ],
)
async def test_a_closed_thread_holds_up_nothing(slack: SlackWorld, code: str) -> None:
    """The card is updated, its approval is requested, and the card says what is missing."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    slack.workspace.refuses = closed_thread(code)
    shown = await slack.show(
        wanted(story.claimed().then(ChoosePreset(by=SATO, preset="ban"), 2), card, after=1)
    )
    assert (shown.refused.thread, shown.through) == (True, None)
    assert shown.approval_card is not None
    state = wanted(story, card, after=1).model_copy(update={"refused": Refused(thread=True)})
    await slack.show(state)
    assert "スレッドに投稿できません" in shown_on(slack.on("C0LIVE")[0])
    slack.workspace.refuses = lambda method, arguments: None
    opened = await slack.show(state)
    assert opened.refused.thread is False
    assert len(slack.thread(card)) == 1


async def test_long_lines_are_posted_in_several_messages(slack: SlackWorld) -> None:
    """Forty-five notes after an outage are more than Slack takes in one message."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    for number in range(45):
        story.then(AddNote(by=SATO, note=f"{number:02d}" + "あ" * 900), 1 + number)
    await slack.show(wanted(story, card, after=1))
    texts = [shown_on(each) for each in slack.thread(card)]
    assert len(texts) > 1
    assert max(len(each) for each in texts) < 10_000
    assert all(f"{number:02d}あ" in "".join(texts) for number in range(45))


@pytest.mark.parametrize("code", ["msg_too_long", "msg_blocks_too_long"])
async def test_a_message_that_is_too_long_is_halved(slack: SlackWorld, code: str) -> None:
    """Whatever the limit is, every line is posted once."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    for number in range(9):
        story.then(AddNote(by=SATO, note=f"note {number}"), 1 + number)

    def refuses(method: str, arguments: dict) -> str | None:
        return code if str(arguments.get("blocks")).count("note ") > 2 else None

    slack.workspace.rates = Rates(enabled=False)
    slack.workspace.refuses = refuses
    await slack.show(wanted(story, card, after=1))
    texts = "".join(shown_on(each) for each in slack.thread(card))
    assert [texts.count(f"note {number}") for number in range(9)] == [1] * 9
