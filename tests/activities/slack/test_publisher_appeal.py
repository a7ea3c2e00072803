"""Appeal publisher: one current card, through failures."""

from contextlib import suppress

import pytest
from temporalio.exceptions import ApplicationError

from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import wait_until
from tests.activities.slack.cards.test_appeal import story
from tests.activities.slack.conftest import Attempts, SlackWorld
from tests.workflows.domain.builders import REED
from workflows.domain.appeal import commands as cmd
from workflows.domain.case.snapshot import CardRef
from workflows.ports.appeals import ShowAppeal, ShownAppeal


async def show(slack: SlackWorld, wanted: ShowAppeal, attempts: Attempts | None = None) -> CardRef:
    """Runs the activity once more."""
    return (await (attempts or Attempts()).run(slack.activities.show_appeal, wanted)).card


async def test_a_new_appeal_is_a_card_and_a_call_for_reviewers(slack: SlackWorld) -> None:
    """The thread in the appeals' channel mentions the leads, the card nobody."""
    appeal, recorded = story()
    ref = await show(slack, ShowAppeal(appeal=appeal, card=None, lines=tuple(recorded)))
    assert slack.wrote() == {"chat.postMessage": 2}
    (card,) = slack.on("C0LEADS")
    assert ref == CardRef(channel="C0LEADS", ts=card.ts)
    (line,) = slack.thread(ref)
    assert line.metadata == {
        "event_type": "koban_appeal_lines",
        "event_payload": {"appeal": "A0123456789AB", "through": 1},
    }
    (called,) = slack.workspace.notifications
    assert called.target == "<!subteam^S0LEAD>"


async def test_a_change_is_drawn_on_the_same_card(slack: SlackWorld) -> None:
    """The card is updated and the thread gets one line."""
    appeal, recorded = story()
    ref = await show(slack, ShowAppeal(appeal=appeal, card=None, lines=tuple(recorded)))
    appeal, recorded = story((1.0, cmd.Uphold(by=REED, reason="規約どおり")))
    again = ShowAppeal(appeal=appeal, card=ref, lines=tuple(recorded[1:]))
    assert await show(slack, again) == ref
    (card,) = slack.on("C0LEADS")
    assert "判断を維持" in card.text
    assert len(slack.thread(ref)) == 2


async def test_a_lost_answer_posts_nothing_twice(slack: SlackWorld) -> None:
    """The retry searches for the card before it posts."""
    appeal, recorded = story()
    wanted, attempts = ShowAppeal(appeal=appeal, card=None, lines=tuple(recorded)), Attempts()
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    with pytest.raises(ApplicationError):
        await show(slack, wanted, attempts)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)

    async def tried_again() -> CardRef | None:
        with suppress(ApplicationError):
            return await show(slack, wanted, attempts)
        return None

    ref = await wait_until(tried_again, what="the names")
    assert [card.ts for card in slack.on("C0LEADS")] == [ref.ts]
    assert len(slack.thread(ref)) == 1


async def test_a_deleted_card_is_posted_again(slack: SlackWorld) -> None:
    """The appeal is still open."""
    appeal, recorded = story()
    ref = await show(slack, ShowAppeal(appeal=appeal, card=None, lines=tuple(recorded)))
    stored = slack.workspace.messages.find(ref.channel, ref.ts)
    assert stored is not None
    slack.workspace.messages.delete(stored)
    again = await show(slack, ShowAppeal(appeal=appeal, card=ref))
    assert again.ts != ref.ts


async def test_a_closed_thread_keeps_the_lines_and_the_card_says_so(slack: SlackWorld) -> None:
    """They are posted once the thread is open again."""
    appeal, recorded = story()
    ref = await show(slack, ShowAppeal(appeal=appeal, card=None))
    slack.workspace.refuses = lambda method, arguments: (
        "restricted_action_thread_locked" if arguments.get("thread_ts") else None
    )
    wanted = ShowAppeal(appeal=appeal, card=ref, lines=tuple(recorded), thread_refused=True)
    shown = await Attempts().run(slack.activities.show_appeal, wanted)
    assert shown == ShownAppeal(card=ref, thread_refused=True)
    (card,) = slack.on("C0LEADS")
    assert "スレッドに投稿できません" in str(card.blocks)
    slack.workspace.refuses = lambda method, arguments: None
    again = await Attempts().run(slack.activities.show_appeal, wanted)
    assert again == ShownAppeal(card=ref, thread_refused=False)
    assert len(slack.thread(ref)) == 1
