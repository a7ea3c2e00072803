"""Wake-up of a closed case, and what follows if the ledger lost a part of it."""

import pytest

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, WAIT_SECONDS, CaseEnvironment
from tests.workflows.domain.builders import SATO, an_alert
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case.refusals import Reason
from workflows.domain.ids import case_workflow_id, closed_workflow_id
from workflows.ports.cases import CasePlace, Delivery

LOST = "K00000009"
ROUTE = case_workflow_id("off_platform", ("user:u_123",))


def place(is_open: bool = True) -> CasePlace:
    """Returns the case's place in the ledger."""
    subject = an_alert().subject
    return CasePlace(subject=subject, workflow_id=ROUTE, playbook="off_platform", open=is_open)


@pytest.mark.parametrize("is_open", [True, False])
async def test_alerts_for_a_case_without_a_snapshot_open_the_next_one(
    env: CaseEnvironment, is_open: bool
) -> None:
    """The next case does not forward them again."""
    env.places[LOST] = place(is_open)
    await env.cases.deliver(Delivery(case=LOST, alerts=(an_alert(1), an_alert(2))))
    await env.wait_counted(2)
    (opening,) = env.openings
    assert (opening.row.workflow_id, opening.alert.id, opening.after) == (
        ROUTE,
        "chat-000001",
        LOST,
    )
    await env.wait_ended(closed_workflow_id(LOST))


async def test_alerts_for_an_unknown_case_end_its_workflow(env: CaseEnvironment) -> None:
    """They are logged, since their group is unknown."""
    await env.cases.deliver(Delivery(case=LOST, alerts=(an_alert(1),)))
    await env.wait_ended(closed_workflow_id(LOST))
    assert env.openings == []


async def test_a_case_whose_policy_is_lost_continues_with_the_current_one(
    env: CaseEnvironment,
) -> None:
    """A snapshot needs a policy."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        await env.press(handle, cmd.MarkNoViolation(by=SATO))
        await env.wait_ended(handle.id)
        case = env.writes[0].case
        env.without_policy = True
        env.places[case] = place(is_open=False)
        await env.press_on(handle, case, cmd.Reopen(by=SATO, reason="続報"))
        await env.wait_event("case_reopened")


async def test_a_press_on_an_unknown_case_is_refused(env: CaseEnvironment) -> None:
    """Its workflow ends."""
    handle = env.client.get_workflow_handle(closed_workflow_id(LOST))
    async with env.worker(slack_queue(QUEUE)):
        await env.press_on(handle, LOST, cmd.Claim(by=SATO))
        await wait_until(lambda: env.answers, WAIT_SECONDS, what="the answer")
        await env.wait_ended(handle.id)
    assert env.answers[0].refusal.reason is Reason.UNKNOWN_CASE
