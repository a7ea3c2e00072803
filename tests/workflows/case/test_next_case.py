"""Next case of a group, in the place of one that closed."""

from temporalio.client import WorkflowHandle

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, WAIT_SECONDS, CaseEnvironment
from tests.workflows.domain.builders import SATO, an_alert
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case.model import Phase
from workflows.domain.ids import case_id
from workflows.ports.cases import Delivery


async def closed(env: CaseEnvironment) -> tuple[WorkflowHandle, str]:
    """Closes a case and returns its id; no worker runs for Slack."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.press(handle, cmd.MarkNoViolation(by=SATO))
    await env.wait_event("case_closed")
    return handle, env.writes[0].case


def opened(env: CaseEnvironment, place: int) -> str:
    """Returns the id of the n-th case opened."""
    return case_id(env.openings[place].key)


async def shown_closed(env: CaseEnvironment, case: str) -> None:
    """Waits until Slack shows the end of a case."""

    def is_shown() -> bool:
        views = (show.view for _, show in env.shown)
        return any(view.id == case and view.phase is Phase.CLOSED for view in views)

    await wait_until(is_shown, WAIT_SECONDS, what="the closed card")


async def test_it_does_not_wait_for_slack(env: CaseEnvironment) -> None:
    """Its subject has to be protected; the closed card and its lines follow later."""
    _, first = await closed(env)
    await env.alert(2)
    await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")
    assert env.shown == []
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        await shown_closed(env, first)
        await wait_until(lambda: _in_thread(env, first), WAIT_SECONDS, what="its lines")
    assert _in_thread(env, first) == ["case_claimed", "decided", "case_closed"]
    assert {show.view.id for _, show in env.shown} == {first, opened(env, 1)}


async def test_a_closed_card_that_slack_takes_soon_needs_no_second_workflow(
    env: CaseEnvironment,
) -> None:
    """This is the usual case."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        _, first = await closed(env)
        await env.alert(2)
        await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")
        await shown_closed(env, first)
    assert env.delivered == []


async def test_it_does_not_wait_for_an_answer(env: CaseEnvironment) -> None:
    """The answer is retried beside the next case."""
    handle, first = await closed(env)
    await env.press(handle, cmd.MarkNoViolation(by=SATO))
    await wait_until(lambda: env.asked, WAIT_SECONDS, what="a press")
    await env.alert(2)
    await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")
    assert env.answers == []
    async with env.worker(slack_queue(QUEUE)):
        await wait_until(lambda: env.answers, WAIT_SECONDS, what="the answer")
    assert env.answers[0].case == first


async def test_a_press_on_the_closed_card_finds_its_case(env: CaseEnvironment) -> None:
    """The next case forwards it."""
    handle, first = await closed(env)
    await env.alert(2)
    await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")
    await env.press_on(handle, first, cmd.Reopen(by=SATO, reason="続報"))
    await wait_until(
        lambda: "case_reopened" in env.written_of(first), WAIT_SECONDS, what="the reopened case"
    )


async def test_a_press_during_the_handoff_is_not_lost(env: CaseEnvironment) -> None:
    """The run that takes the next alerts forwards it to its case."""
    env.may_deliver.clear()
    handle, first = await closed(env)
    await env.alert(2)
    await wait_until(lambda: env.delivered, WAIT_SECONDS, what="the handing on")
    await env.press_on(handle, first, cmd.Reopen(by=SATO, reason="続報"))
    assert env.openings[1:] == []
    env.may_deliver.set()
    await wait_until(
        lambda: "case_reopened" in env.written_of(first), WAIT_SECONDS, what="the reopened case"
    )
    await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")


def _in_thread(env: CaseEnvironment, case: str) -> list[str]:
    """Returns the kinds of the events in a case's thread."""
    shows = (show for _, show in env.shown if show.view.id == case)
    return [line.event.kind for show in shows for line in show.lines]


async def test_alerts_returned_by_a_closed_case_open_it(env: CaseEnvironment) -> None:
    """They came for a reopened case that had closed again."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        handle, first = await closed(env)
        await env.wait_ended(handle.id)
        delivery = Delivery(case=first, alerts=(an_alert(2), an_alert(3)))
        await env.cases.deliver(delivery)
        await env.wait_counted(3)
    second = env.openings[1]
    assert (second.alert.id, second.after) == ("chat-000002", first)
    assert second.row.workflow_id == handle.id
    assert [(claim.case, claim.alerts[0].id) for claim in env.claims] == [
        (opened(env, 1), "chat-000003")
    ]
