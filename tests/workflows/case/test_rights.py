"""Rights at the moment of use: covers, today's policy, and the number of approvers."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.worker import Worker

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, CaseEnvironment
from tests.workflows.domain.builders import (
    CATALOG,
    CLARK,
    PLAYBOOK,
    SATO,
    TANAKA,
    a_policy,
    an_alert,
    preset,
)
from workflows.activity_options import MOST_FORGED, slack_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.refusals import Reason
from workflows.domain.people import Cover, Role
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.strictness import Guard, Strictness, strictness_of

LEAD = ApprovalRule(by=Role.LEAD, within=timedelta(minutes=30))


def slack(env: CaseEnvironment) -> Worker:
    """The worker that posts refusals."""
    return env.worker(slack_queue(QUEUE))


def cover() -> Cover:
    """田中's role for a day."""
    until = datetime.now(UTC) + timedelta(days=1)
    return Cover(role=Role.LEAD, person=TANAKA.id, until=until)


def strict(version: str = "v2", **guards: Guard) -> Strictness:
    """Today's policy with other rules for some actions."""
    found = strictness_of(version, CATALOG, None, PLAYBOOK)
    return found.model_copy(update={"actions": {**found.actions, **guards}})


async def a_ban(env: CaseEnvironment) -> WorkflowHandle:
    """A ban of 佐藤 that waits for a lead; Clark covers for 田中."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.press(handle, preset(SATO, "ban"))
    await env.wait_event("approval_requested")
    env.covers = (cover(),)
    return handle


def kinds(env: CaseEnvironment) -> list[str]:
    return [each.event.kind for each in env.events]


async def refusal(env: CaseEnvironment) -> Reason:
    """The reason of the refusal, once it is posted."""
    await wait_until(lambda: env.answers, what="a refusal")
    return env.answers[0].refusal.reason


async def test_a_cover_counts_while_its_giver_has_the_role(env: CaseEnvironment) -> None:
    """The roles of both are read when the case decides."""
    env.roles[TANAKA.id] = (Role.LEAD,)
    handle = await a_ban(env)
    await env.press(handle, cmd.Approve(by=CLARK))
    await env.wait_event("approved")
    assert env.asked == [SATO.id, CLARK.id, TANAKA.id]


async def test_a_cover_ends_with_its_givers_role(env: CaseEnvironment) -> None:
    """The ledger still has it; the approval is refused, and the ban waits."""
    env.roles[TANAKA.id] = (Role.SPECIALIST,)
    async with slack(env):
        handle = await a_ban(env)
        await env.press(handle, cmd.Approve(by=CLARK))
        assert await refusal(env) is Reason.ROLE_NEEDED
    assert "approved" not in kinds(env)


async def test_a_cover_does_not_count_while_its_givers_roles_are_unknown(
    env: CaseEnvironment,
) -> None:
    """The refusal says that a role could not be checked, not that the ledger is away."""
    env.away.add(TANAKA.id)
    async with slack(env):
        handle = await a_ban(env)
        await env.press(handle, cmd.Reject(by=CLARK, reason="不要"))
        assert await refusal(env) is Reason.ROLES_UNKNOWN
    assert "rejected" not in kinds(env)


async def test_a_right_of_ones_own_needs_no_giver(env: CaseEnvironment) -> None:
    """A lead who also covers approves while the giver is out of reach."""
    env.roles[CLARK.id] = (Role.LEAD,)
    env.away.add(TANAKA.id)
    handle = await a_ban(env)
    await env.press(handle, cmd.Approve(by=CLARK))
    await env.wait_event("approved")


async def test_a_decision_follows_todays_stricter_policy(env: CaseEnvironment) -> None:
    """The warning acted at once when the case opened."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    env.today = strict(warn=Guard(approval=LEAD))
    await env.press(handle, preset(SATO, "warn"))
    await env.wait_event("approval_requested")
    assert kinds(env) == ["policy_tightened", "case_claimed", "decided", "approval_requested"]


async def test_a_changed_policy_that_is_not_stricter_changes_nothing(env: CaseEnvironment) -> None:
    """It is asked for with each press, and not recorded."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    env.today = strict()
    await env.press(handle, preset(SATO, "ban"))
    await env.wait_event("approval_requested")
    assert kinds(env) == ["case_claimed", "decided", "approval_requested"]
    assert env.known == ["v1"]


async def test_a_tightened_case_knows_that_version(env: CaseEnvironment) -> None:
    """So it is sent once."""
    env.roles[TANAKA.id] = (Role.LEAD,)
    handle = await a_ban(env)
    two = ApprovalRule(by=Role.LEAD, quorum=2, within=timedelta(minutes=30))
    env.today = strict(permanent_ban=Guard(danger=True, approval=two))
    await env.press(handle, cmd.Approve(by=TANAKA))
    await env.wait_event("approved")
    approved = next(e.event for e in env.events if isinstance(e.event, ev.Approved))
    assert approved.granted is False
    await env.press(handle, cmd.Approve(by=CLARK))
    await wait_until(lambda: len(env.known) == 3, what="the next press")
    assert env.known == ["v1", "v1", "v2"]


async def test_a_claim_asks_for_no_policy(env: CaseEnvironment) -> None:
    """Only presses that act or allow it do."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.claim(handle)
    await env.wait_event("case_claimed")
    assert env.known == []


async def test_an_alert_starts_no_protection_that_is_off_today(env: CaseEnvironment) -> None:
    """The second alert makes the case critical."""
    policy = a_policy(protect=[{"when": "severity == 'critical'", "action": "warn", "for": "15m"}])
    handle = await env.alerts([an_alert(1, score=0.5)], policy)
    await env.wait_open(handle)
    env.today = strictness_of("v2", policy.catalog, policy.limits, None)
    await env.alerts([an_alert(2, score=0.99)], policy)
    await env.wait_event("alert_joined")
    assert kinds(env) == ["policy_tightened", "alert_joined"]


async def test_the_decider_hears_at_once_that_nobody_can_approve(env: CaseEnvironment) -> None:
    """The request stays open for somebody who gets the role."""
    env.able = {Role.LEAD: 0}
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.press(handle, preset(SATO, "ban"))
    await env.wait_event("approvers_missing")
    missed = next(e.event for e in env.events if isinstance(e.event, ev.ApproversMissing))
    assert (missed.to, missed.roles) == (SATO.id, (Role.LEAD,))


async def test_a_press_without_todays_policy_is_refused(env: CaseEnvironment) -> None:
    """It could be decided too leniently; pressed again, it is decided."""
    env.forged["strictness_now"] = MOST_FORGED
    async with slack(env):
        handle = await env.alert(1)
        await env.wait_open(handle)
        await env.press(handle, preset(SATO, "warn"))
        assert await refusal(env) is Reason.POLICY_UNKNOWN
        assert kinds(env) == []
        await env.press(handle, preset(SATO, "warn"))
        await env.wait_event("decided")
    assert len(env.known) == MOST_FORGED + 1


async def test_a_forged_result_is_asked_for_again(env: CaseEnvironment) -> None:
    """A few of them change nothing."""
    env.forged["open_case"] = 3
    handle = await env.alert(1)
    await env.wait_open(handle)
    assert len(env.openings) == 4


async def test_forged_results_without_end_end_the_workflow(env: CaseEnvironment) -> None:
    """Its history must not grow without end: Temporal shows a failed workflow."""
    env.forged["open_case"] = 1_000
    handle = await env.alert(1)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert len(env.openings) == MOST_FORGED
    assert env.events == []
