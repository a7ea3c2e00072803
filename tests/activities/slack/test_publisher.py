"""Case publisher: current state in Slack, posted once, through failures."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.rates import Rates
from tests.activities.slack.cases import (
    AT,
    BAN,
    MUTE,
    REVIEWS,
    SATO,
    TANAKA,
    Story,
    catalog,
    policy,
)
from tests.activities.slack.conftest import Attempts, SlackWorld, failed_attempt, refusing, wanted
from workflows.domain.case.commands import (
    Acknowledge,
    AnswerApprover,
    ChoosePreset,
    HandOver,
    Snooze,
    Tick,
    Undo,
    Withdraw,
)
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Holders, Role


async def test_a_new_case_costs_one_call(slack: SlackWorld) -> None:
    """One post is made; the card has the id of the named channel."""
    shown = await slack.show(wanted(Story()))
    assert slack.wrote() == {"chat.postMessage": 1}
    (card,) = slack.on("C0LIVE")
    assert shown.card == CardRef(channel="C0LIVE", ts=card.ts)
    assert shown.approval_card is None
    assert card.text.startswith("重大度「重大」、外部誘導のケース K7Q2F9XM0: 未対応。")


async def test_a_change_costs_one_call_and_its_lines_another(slack: SlackWorld) -> None:
    """The card is updated, and the thread has the reason."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    slack.wrote()
    await slack.show(wanted(story.joined(5), card))
    assert slack.wrote() == {"chat.update": 1}
    await slack.show(wanted(story.claimed().muted(), card, after=1))
    assert slack.wrote() == {"chat.update": 1, "chat.postMessage": 1}
    (line,) = slack.thread(card)
    assert "佐藤さんの判断: 24時間コメント制限" in line.text
    assert line.metadata == {
        "event_type": "koban_lines",
        "event_payload": {"case": "K7Q2F9XM0", "through": 4},
    }
    assert len(slack.on("C0LIVE")) == 1


async def test_an_escalation_reaches_the_shift(slack: SlackWorld) -> None:
    """The thread mentions the group, the card mentions nobody."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    await slack.show(wanted(story.then(Tick(), 2), card, after=1))
    (called,) = slack.workspace.notifications
    assert (called.target, called.users) == ("<!subteam^S0SHIFT>", ("U0SATO", "U0CLARK"))


async def test_a_role_without_a_group_is_reached_by_name(slack: SlackWorld) -> None:
    """People from roles.yaml are mentioned one by one."""
    slack.roles[Role.SPECIALIST] = Holders(users=("U0SATO", "U0CLARK"))
    story = Story()
    card = (await slack.show(wanted(story))).card
    await slack.show(wanted(story.then(Tick(), 2), card, after=1))
    assert {called.target for called in slack.workspace.notifications} == {
        "<@U0SATO>",
        "<@U0CLARK>",
    }


async def test_slacks_rate_is_waited_for_as_long_as_it_says(slack: SlackWorld) -> None:
    """Retry-After becomes the retry's delay, and the retry posts without a search."""
    attempts, show = Attempts(), wanted(Story())
    slack.workspace.faults.set(Fault.SLACK_429, True)
    error = await failed_attempt(slack, show, attempts)
    assert (error.type, error.next_retry_delay) == ("slack_ratelimited", timedelta(seconds=1))
    slack.workspace.faults.set(Fault.SLACK_429, False)
    await slack.show(show, attempts)
    assert len(slack.on("C0LIVE")) == 1
    assert slack.workspace.calls["conversations.history"] == 0


async def test_an_outage_is_retried(slack: SlackWorld) -> None:
    """A gateway's error page may hide a post, so the retry searches first."""
    attempts, show = Attempts(), wanted(Story())
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    assert (await failed_attempt(slack, show, attempts)).type == "slack_http_503"
    slack.workspace.faults.set(Fault.SLACK_DOWN, False)
    await slack.show(show, attempts)
    assert len(slack.on("C0LIVE")) == 1


async def test_a_deleted_card_is_posted_again(slack: SlackWorld) -> None:
    """A person deleted the message of an open case."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    slack.workspace.delete(slack.on("C0LIVE")[0])
    again = (await slack.show(wanted(story.claimed(), card, after=1))).card
    assert again != card
    assert len(slack.on("C0LIVE")) == 1
    assert len(slack.thread(again)) == 1


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "no more edits"])
async def test_a_card_that_shows_erased_texts_is_never_posted_again(
    slack: SlackWorld, gone: bool
) -> None:
    """Retention reaches cards of years ago: a channel must not fill with them."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    if gone:
        slack.workspace.delete(slack.on("C0LIVE")[0])
    else:
        slack.workspace.refuses = refusing("edit_window_closed", "chat.update")
    before = [message.ts for message in slack.on("C0LIVE")]
    quiet = wanted(story.claimed(), card).model_copy(update={"only_update": True})
    assert (await slack.show(quiet)).card == card
    assert [message.ts for message in slack.on("C0LIVE")] == before


async def test_a_request_for_approval_goes_to_the_leads(slack: SlackWorld) -> None:
    """It is in the leads' channel, with a mention and a link to the case."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    shown = await slack.show(wanted(story.ban_asked(), card, after=1))
    (request,) = slack.on("C0LEADS")
    assert shown.approval_card == CardRef(channel="C0LEADS", ts=request.ts)
    assert request.text.startswith("佐藤さんが「強制退会」の承認を依頼しています。")
    assert f"/archives/C0LIVE/p{card.ts.replace('.', '')}|ケースを開く>" in str(request.blocks)
    called = {note.target for note in slack.workspace.notifications}
    assert called == {"<!subteam^S0LEAD>"}


async def test_without_a_channel_of_their_own_leads_are_asked_beside_the_case(
    slack: SlackWorld,
) -> None:
    """roles.yaml has no channel, so the request is in the case's channel."""
    slack.roles[Role.LEAD] = Holders(group="S0LEAD")
    shown = await slack.show(wanted(Story().ban_asked()))
    assert shown.approval_card is not None
    assert shown.approval_card.channel == "C0LIVE"


async def test_new_alerts_leave_the_request_alone(slack: SlackWorld) -> None:
    """New alerts cause no update of the approval card, which saves Slack calls."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    slack.wrote()
    again = await slack.show(wanted(story.joined(300), shown.card, shown.approval_card))
    assert (again.card, again.approval_card) == (shown.card, shown.approval_card)
    assert slack.wrote() == {"chat.update": 1}


async def test_an_approved_request_loses_its_buttons_once(slack: SlackWorld) -> None:
    """It is updated once more, and not again."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    over = await slack.show(wanted(story.approved(), shown.card, shown.approval_card))
    assert over.approval_card is None
    (request,) = slack.on("C0LEADS")
    assert "田中さんが承認しました。" in str(request.blocks)
    assert "actions" not in [block["type"] for block in request.blocks]
    slack.wrote()
    await slack.show(wanted(story, shown.card))
    assert slack.wrote() == {"chat.update": 1}


async def test_a_second_request_is_a_new_message(slack: SlackWorld) -> None:
    """An update notifies nobody, so a new request is posted."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    seen = story.case.version
    story.rejected().ban_asked(7)
    again = await slack.show(wanted(story, shown.card, shown.approval_card, after=seen))
    old, new = slack.on("C0LEADS")
    assert again.approval_card == CardRef(channel="C0LEADS", ts=new.ts)
    assert "この依頼は終了しました。" in str(old.blocks)
    assert "actions" not in [block["type"] for block in old.blocks]


async def test_a_question_is_drawn_and_so_is_its_answer(slack: SlackWorld) -> None:
    """The approval card is updated after question, answer and reminder."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    seen = story.case.version
    await slack.show(wanted(story.asked(), shown.card, shown.approval_card, after=seen))
    (request,) = slack.on("C0LEADS")
    assert "配信外の証拠はありますか?" in str(request.blocks)
    seen = story.case.version
    story.then(AnswerApprover(by=SATO, answer="DMの写しがあります"), 9)
    again = await slack.show(wanted(story, shown.card, shown.approval_card, after=seen))
    (request,) = slack.on("C0LEADS")
    assert "DMの写しがあります" in str(request.blocks)
    assert "期限のカウントは停止中" not in str(request.blocks)
    assert again.approval_card == shown.approval_card
    slack.wrote()
    seen = story.case.version
    await slack.show(wanted(story.then(Tick(), 32), shown.card, shown.approval_card, after=seen))
    assert slack.wrote() == {"chat.update": 2, "chat.postMessage": 1}


async def test_who_asked_is_called_to_answer(slack: SlackWorld) -> None:
    """The question mentions the decider in the thread, the answer the approvers."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    story.ban_asked()
    shown = await slack.show(wanted(story, card, after=1))
    slack.workspace.notifications.clear()
    seen = story.case.version
    await slack.show(wanted(story.asked(), card, shown.approval_card, after=seen))
    assert [note.target for note in slack.workspace.notifications] == ["<@U0SATO>"]


async def test_a_withdrawn_request_loses_its_buttons(slack: SlackWorld) -> None:
    """A withdrawn request can't be approved."""
    story = Story().ban_asked()
    shown = await slack.show(wanted(story))
    story.then(Withdraw(by=SATO), 6)
    over = await slack.show(wanted(story, shown.card, shown.approval_card))
    assert over.approval_card is None
    (request,) = slack.on("C0LEADS")
    assert "佐藤さんが依頼を取り下げました。" in str(request.blocks)
    assert "actions" not in [block["type"] for block in request.blocks]


async def test_an_undo_of_the_same_decision_is_a_request_of_its_own(slack: SlackWorld) -> None:
    """After a lost answer the search does not confuse it with the decision's request."""
    both = catalog("permanent_ban", undo_approval={"by": "lead", "within": "30m"})
    story = Story(policy=policy(both)).ban_asked()
    shown = await slack.show(wanted(story))
    seen = story.case.version
    story.approved().reported(BAN, ActionStatus.VERIFIED, 6).then(Undo(by=SATO), 9)
    show = wanted(story, shown.card, shown.approval_card, after=seen)
    again = await slack.show(show, Attempts(attempt=1))
    old, new = slack.on("C0LEADS")
    assert again.approval_card == CardRef(channel="C0LEADS", ts=new.ts)
    assert "この依頼は終了しました。" in str(old.blocks)
    assert "措置の取り消しを依頼しています" in str(new.blocks)


async def test_a_review_follows_what_becomes_of_its_actions(slack: SlackWorld) -> None:
    """One message is posted at once and updated with the state of the actions."""
    story = Story(policy=REVIEWS).muted()
    shown = await slack.show(wanted(story))
    (request,) = slack.on("C0LEADS")
    assert "コメント制限 24時間（ユーザー u_123）: 実行中" in str(request.blocks)
    story.reported(MUTE, ActionStatus.VERIFIED)
    again = await slack.show(wanted(story, shown.card, shown.approval_card, after=1))
    (request,) = slack.on("C0LEADS")
    assert "実行済み（反映を確認）" in str(request.blocks)
    assert again.approval_card == shown.approval_card


async def test_everybody_who_is_named_is_named_by_name(slack: SlackWorld) -> None:
    """Owners, holds, requesters and acknowledgements have names, not ids."""
    story = Story().then(Acknowledge(by=TANAKA), 1).claimed()
    story.then(HandOver(by=SATO, to=TANAKA, note="お願いします"), 3)
    story.then(Snooze(by=TANAKA, until=AT + timedelta(hours=1)), 4)
    card = (await slack.show(wanted(story))).card
    await slack.show(wanted(story, card, after=1))
    drawn = slack.on("C0LIVE")[0].text + str(slack.on("C0LIVE")[0].blocks)
    assert "田中さんが見ました" in drawn
    assert "田中さんが保留にしました" in drawn
    (told,) = slack.thread(card)
    assert "佐藤さんが田中さんに引き継ぎました" in told.text
    assert "U0TANAKAさん" not in told.text + drawn


async def test_a_closed_case_has_its_events_in_one_message(slack: SlackWorld) -> None:
    """Lines that later events made obsolete are left out."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    story.then(ChoosePreset(by=SATO, preset="mute"), 3)
    story.reported(MUTE, ActionStatus.RETRYING, 4).reported(MUTE, ActionStatus.VERIFIED, 5)
    await slack.show(wanted(story, card, after=1))
    (told,) = slack.thread(card)
    assert [line.split("> ")[1] for line in told.text.split("\n")[1:]] == [
        "佐藤さんが担当になりました",
        "佐藤さんの判断: 24時間コメント制限",
        "コメント制限: 実行し、反映を確認しました",
        "完了: 違反",
    ]


async def test_an_unknown_name_is_shown_as_its_id(slack: SlackWorld) -> None:
    """A missing name does not delay the card."""
    del slack.workspace.people["U0SATO"]
    await slack.show(wanted(Story().claimed()))
    assert "担当はU0SATOさん" in slack.on("C0LIVE")[0].text


async def test_a_slow_slack_call_sends_heartbeats(slack: SlackWorld) -> None:
    """A killed worker is detected soon; the retry searches before it posts."""
    slack.workspace.faults.set(Fault.SLACK_HANG, True)
    attempts = Attempts()
    showing = asyncio.create_task(failed_attempt(slack, wanted(Story()), attempts))
    await wait_until(lambda: attempts.left, what="a sign of life")
    (posted,) = attempts.left
    assert (posted["attempt"], posted["unsure"]) == (1, True)
    slack.workspace.faults.clear()
    await showing


async def test_an_unknown_name_is_looked_up_again(
    slack: SlackWorld,
) -> None:
    """The card is updated once the name is known."""
    slack.workspace.rates = Rates(burst_share=0.01)
    slack.workspace.rates.wait_for("users.info")
    slack.workspace.rates.clock = count(step=1).__next__
    await slack.show(wanted(Story().claimed()))
    (card,) = slack.on("C0LIVE")
    assert "担当は佐藤さん" in card.text


async def test_a_card_without_a_name_is_posted_and_updated_with_it(slack: SlackWorld) -> None:
    """Slack accepts the card while its user info is unavailable."""
    slack.workspace.rates = Rates(burst_share=0.01)
    slack.workspace.rates.wait_for("users.info")
    slack.workspace.rates.clock = lambda: 0.0
    attempts = Attempts()
    error = await failed_attempt(slack, wanted(Story().claimed()), attempts)
    assert error.type == "slack_names_unknown"
    assert "担当はU0SATOさん" in slack.on("C0LIVE")[0].text
    slack.workspace.rates = Rates(enabled=False)
    await slack.show(wanted(Story().claimed()), attempts)
    (card,) = slack.on("C0LIVE")
    assert "担当は佐藤さん" in card.text
