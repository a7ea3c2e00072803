"""What a try finds that another one left behind: a lost answer, or a killed worker."""

from deploy.sandbox.faults import Fault
from tests.activities.slack.cases import TANAKA, Story
from tests.activities.slack.conftest import Desk, Tries, failing, wanted
from workflows.domain.case.commands import AskRequester
from workflows.domain.case.snapshot import CardRef


async def test_a_lost_answer_never_makes_two_cards(desk: Desk) -> None:
    """The next try finds the card that stands already."""
    tries, show = Tries(), wanted(Story())
    desk.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    assert (await failing(desk, show, tries)).type == "slack_unreachable"
    desk.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    shown = await desk.show(show, tries)
    (card,) = desk.on("C0LIVE")
    assert shown.card == CardRef(channel="C0LIVE", ts=card.ts)


async def test_a_killed_worker_never_makes_two_cards(desk: Desk) -> None:
    """A try that left nothing behind is not trusted to have done nothing."""
    await desk.show(wanted(Story()))
    await desk.show(wanted(Story()), Tries(attempt=1))
    assert len(desk.on("C0LIVE")) == 1


async def test_a_card_that_was_found_shows_what_is_asked_for_by_now(desk: Desk) -> None:
    """It may have been posted by a try that knew less: a later one shows a later state."""
    story = Story()
    await desk.show(wanted(story))
    shown = await desk.show(wanted(story.claimed()), Tries(attempt=1))
    (card,) = desk.on("C0LIVE")
    assert shown.card == CardRef(channel="C0LIVE", ts=card.ts)
    assert "佐藤" in card.text


async def test_a_request_that_was_found_shows_what_is_asked_for_by_now(desk: Desk) -> None:
    """The same for the request for approval."""
    story = Story().ban_asked()
    await desk.show(wanted(story))
    before = desk.on("C0LEADS")[0].blocks
    await desk.show(
        wanted(story.then(AskRequester(by=TANAKA, question="証拠は?"), 3)), Tries(attempt=1)
    )
    (request,) = desk.on("C0LEADS")
    assert request.blocks != before
    assert "証拠は?" in str(request.blocks)


async def test_a_killed_worker_never_tells_a_line_twice(desk: Desk) -> None:
    """The thread is looked through before it is written to again."""
    story = Story()
    card = (await desk.show(wanted(story))).card
    show = wanted(story.claimed(), card, after=1)
    await desk.show(show)
    await desk.show(show, Tries(attempt=1))
    assert len(desk.thread(card)) == 1


async def test_what_was_posted_before_a_failure_is_not_looked_for(desk: Desk) -> None:
    """A failed try tells the next one what stands already."""
    desk.workspace.channels["C0LEADS"].members.remove("U0KOBAN")
    tries, show = Tries(), wanted(Story().ban_asked())
    await failing(desk, show, tries)
    desk.workspace.channels["C0LEADS"].members.add("U0KOBAN")
    await desk.show(show, tries)
    assert (len(desk.on("C0LIVE")), len(desk.on("C0LEADS"))) == (1, 1)
    assert desk.workspace.calls["conversations.history"] == 0


async def test_a_killed_worker_never_asks_for_approval_twice(desk: Desk) -> None:
    """The leads' channel is looked through before it is written to again."""
    show = wanted(Story().ban_asked())
    await desk.show(show)
    shown = await desk.show(show, Tries(attempt=1))
    (request,) = desk.on("C0LEADS")
    assert shown.approval_card == CardRef(channel="C0LEADS", ts=request.ts)


async def test_another_case_is_not_taken_for_this_one(desk: Desk) -> None:
    """Only a message with this case's id is its card."""
    await desk.show(wanted(Story()))
    desk.on("C0LIVE")[0].metadata = {"event_type": "koban_case", "event_payload": {"case": "K1"}}
    await desk.show(wanted(Story()), Tries(attempt=1))
    assert len(desk.on("C0LIVE")) == 2
