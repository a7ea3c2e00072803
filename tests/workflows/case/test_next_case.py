"""Next case of a group, in the place of one that closed."""

from temporalio.client import WorkflowHandle

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.office import QUEUE, WAIT_SECONDS, Office
from tests.workflows.domain.builders import SATO, an_alert
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case.model import Phase
from workflows.domain.ids import case_id
from workflows.ports.cases import Delivery


async def closed(office: Office) -> tuple[WorkflowHandle, str]:
    """Closes a case and returns its id; no worker runs for Slack."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.press(handle, cmd.MarkNoViolation(by=SATO))
    await office.wait_event("case_closed")
    return handle, office.writes[0].case


def opened(office: Office, place: int) -> str:
    """Returns the id of the n-th case opened."""
    return case_id(office.openings[place].key)


async def shown_closed(office: Office, case: str) -> None:
    """Waits until Slack shows the end of a case."""

    def is_shown() -> bool:
        views = (show.view for _, show in office.shown)
        return any(view.id == case and view.phase is Phase.CLOSED for view in views)

    await wait_until(is_shown, WAIT_SECONDS, what="the closed card")


async def test_it_does_not_wait_for_slack(office: Office) -> None:
    """Its subject has to be protected; the closed card and its lines follow later."""
    _, first = await closed(office)
    await office.alert(2)
    await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")
    assert office.shown == []
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        await shown_closed(office, first)
        await wait_until(lambda: _in_thread(office, first), WAIT_SECONDS, what="its lines")
    assert _in_thread(office, first) == ["case_claimed", "decided", "case_closed"]
    assert {show.view.id for _, show in office.shown} == {first, opened(office, 1)}


async def test_a_closed_card_that_slack_takes_soon_needs_no_second_workflow(office: Office) -> None:
    """This is the usual case."""
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        _, first = await closed(office)
        await office.alert(2)
        await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")
        await shown_closed(office, first)
    assert office.delivered == []


async def test_it_does_not_wait_for_an_answer(office: Office) -> None:
    """The answer is retried beside the next case."""
    handle, first = await closed(office)
    await office.press(handle, cmd.MarkNoViolation(by=SATO))
    await wait_until(lambda: office.asked, WAIT_SECONDS, what="a press")
    await office.alert(2)
    await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")
    assert office.answers == []
    async with office.worker(slack_queue(QUEUE)):
        await wait_until(lambda: office.answers, WAIT_SECONDS, what="the answer")
    assert office.answers[0].case == first


async def test_a_press_on_the_closed_card_finds_its_case(office: Office) -> None:
    """The next case forwards it."""
    handle, first = await closed(office)
    await office.alert(2)
    await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")
    await office.press_on(handle, first, cmd.Reopen(by=SATO, reason="続報"))
    await wait_until(
        lambda: "case_reopened" in office.written_of(first), WAIT_SECONDS, what="the reopened case"
    )


async def test_a_press_during_the_handoff_is_not_lost(office: Office) -> None:
    """The run that takes the next alerts forwards it to its case."""
    office.may_deliver.clear()
    handle, first = await closed(office)
    await office.alert(2)
    await wait_until(lambda: office.delivered, WAIT_SECONDS, what="the handing on")
    await office.press_on(handle, first, cmd.Reopen(by=SATO, reason="続報"))
    assert office.openings[1:] == []
    office.may_deliver.set()
    await wait_until(
        lambda: "case_reopened" in office.written_of(first), WAIT_SECONDS, what="the reopened case"
    )
    await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")


def _in_thread(office: Office, case: str) -> list[str]:
    """Returns the kinds of the events in a case's thread."""
    shows = (show for _, show in office.shown if show.view.id == case)
    return [line.event.kind for show in shows for line in show.lines]


async def test_alerts_returned_by_a_closed_case_open_it(office: Office) -> None:
    """They came for a reopened case that had closed again."""
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        handle, first = await closed(office)
        await office.wait_ended(handle.id)
        delivery = Delivery(case=first, alerts=(an_alert(2), an_alert(3)))
        await office.cases.deliver(delivery)
        await office.wait_counted(3)
    second = office.openings[1]
    assert (second.alert.id, second.after) == ("chat-000002", first)
    assert second.row.workflow_id == handle.id
    assert [(claim.case, claim.alerts[0].id) for claim in office.claims] == [
        (opened(office, 1), "chat-000003")
    ]
