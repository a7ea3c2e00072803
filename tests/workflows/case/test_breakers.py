"""Breakers in a case's workflow: what is booked, what a trip prevents, and who is told."""

from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, CaseEnvironment
from tests.workflows.domain.builders import SATO, a_policy, an_alert, minutes, preset
from workflows.activity_options import slack_queue
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import BrakeCause, Tally, Trip
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.ids import breaker_workflow_id, case_id
from workflows.domain.policy.playbook import Policy

TRIP = Trip(cause=BrakeCause.RATE, window=timedelta(minutes=5), limit=19, tally=Tally(actions=20))
TRIPPED = AutomationPause(
    detector="live-chat", action="mute_user", by="koban", at=minutes(0), trip=TRIP, case="K1"
)
PROTECTING = a_policy(breaker={"floor": 20})
DECIDING = a_policy(breaker={"floor": 20}, protect=[], auto=[{"when": "true", "preset": "mute"}])


def events_of(env: CaseEnvironment, kind: type[Any]) -> list[Any]:
    """The events of one kind."""
    return [each.event for each in env.events if isinstance(each.event, kind)]


async def test_protections_are_counted(env: CaseEnvironment) -> None:
    """One booking for all of an alert, under the detector that sent it."""
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], PROTECTING)
        await env.wait_event("protection_started")
    (booking,) = [each for each in env.bookings if each.counted is not None]
    assert booking.counted is not None
    assert (booking.counted.playbook, booking.counted.detectors) == (
        "off_platform",
        ("live-chat",),
    )
    assert booking.counted.breaker.floor == 20
    assert [(each.decision, each.action) for each in booking.counted.actions] == [
        ("P1", "mute_user"),
        ("P2", "pause_stream"),
    ]


async def test_a_trip_prevents_one_action_and_is_announced_once(env: CaseEnvironment) -> None:
    """The other protection is booked by itself; the playbook's channel and the leads hear of it."""
    env.trips = TRIPPED
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], PROTECTING)
        await env.wait_event("protection_withheld")
        await wait_until(lambda: len(env.announced) == 2, what="both announcements")
    (withheld,) = events_of(env, ev.ProtectionWithheld)
    assert (withheld.pause, withheld.rules) == (TRIPPED, (0,))
    (started,) = events_of(env, ev.ProtectionStarted)
    assert started.action.planned.action == "pause_stream"
    counted = [each.counted for each in env.bookings if each.counted is not None]
    assert [[action.action for action in each.actions] for each in counted] == [
        ["mute_user", "pause_stream"],
        ["pause_stream"],
    ]
    assert sorted((each.leads, each.channel) for each in env.announced) == [
        (False, "ts-live"),
        (True, "ts-live"),
    ]
    assert {each.action.ja for each in env.announced} == {"コメント制限"}


async def test_the_other_playbooks_concerned_hear_of_it(env: CaseEnvironment) -> None:
    """Their cases are stopped, too; a channel that is the leads' as well is named for that."""
    env.trips, env.concerned = TRIPPED, ("ts-leads", "ts-payments")
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], PROTECTING)
        await wait_until(lambda: len(env.announced) == 4, what="all announcements")
    assert [each.channel for each in env.announced if not each.leads] == [
        "ts-live",
        "ts-leads",
        "ts-payments",
    ]
    (for_leads,) = [each for each in env.announced if each.leads]
    assert for_leads.channels == ("ts-live", "ts-leads", "ts-payments")


async def test_a_trip_whose_case_had_no_answer_is_announced_by_the_next(
    env: CaseEnvironment,
) -> None:
    """Every case that it stops tries, and one message is posted in each place."""
    env.trips = TRIPPED
    async with env.worker(slack_queue(QUEUE)):
        for number in (1, 2, 3):
            await env.cases.accept_all([an_alert(number)], DECIDING, (f"user:u_{number}",))
        await wait_until(
            lambda: len(events_of(env, ev.ProtectionWithheld)) == 3, what="three stopped cases"
        )
        await wait_until(lambda: len(env.announced) >= 2, what="both announcements")
        await env.wait_ended(breaker_workflow_id(TRIPPED.key, TRIPPED.at))
    assert sorted((each.leads, each.case) for each in env.announced) == [
        (False, "K1"),
        (True, "K1"),
    ]


@pytest.mark.parametrize("policy", [PROTECTING, DECIDING], ids=["protection", "decision"])
async def test_a_lost_answer_hides_no_trip(env: CaseEnvironment, policy: Policy) -> None:
    """The ledger has the trip: it is read and announced as soon as the ledger answers again."""
    env.booking_fails, env.pauses = True, (TRIPPED,)
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], policy)
        await wait_until(lambda: len(env.announced) == 2, what="both announcements")
        await env.wait_ended(breaker_workflow_id(TRIPPED.key, TRIPPED.at))
    assert events_of(env, ev.ProtectionWithheld) == []


async def test_a_trip_that_stops_an_action_at_the_platform_is_announced(
    env: CaseEnvironment,
) -> None:
    """It came after the booking; the case has never met the pause."""
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1)], DECIDING)
        await env.wait_event("auto_decided")
        env.pauses = (TRIPPED, AutomationPause(action="warn", by="U0TANAKA", at=minutes(0)))
        case = case_id(env.openings[0].key)
        news = await env.news(case, ActionStatus.SKIPPED)
        (action,) = news.actions
        stopped = action.model_copy(update={"problem": Problem(kind=ProblemKind.PAUSED)})
        report = news.model_copy(update={"actions": (stopped,)})
        await handle.signal("report", report)
        await wait_until(lambda: len(env.announced) == 2, what="both announcements")
        await env.wait_ended(breaker_workflow_id(TRIPPED.key, TRIPPED.at))
    assert {each.pause for each in env.announced} == {TRIPPED}


async def test_a_trip_leaves_a_decision_to_people(env: CaseEnvironment) -> None:
    """The case is open, with the reason."""
    env.trips = TRIPPED
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], DECIDING)
        await env.wait_event("protection_withheld")
    (withheld,) = events_of(env, ev.ProtectionWithheld)
    assert (withheld.pause, withheld.auto) == (TRIPPED, 0)
    assert events_of(env, ev.Decided) == []


async def test_act_first_waits_while_automation_is_paused(env: CaseEnvironment) -> None:
    """A pause of the action makes a press ask for the approval first."""
    env.pauses = (AutomationPause(action="mute_user", by="U0TANAKA", at=minutes(0)),)
    policy = a_policy(
        act_first={"by": "lead", "within": "15m", "on_expiry": "refuse"}, protect=[], escalation=[]
    )
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1, score=0.5)], policy)
        await env.wait_open(handle)
        await env.press(handle, preset(SATO, "mute"))
        await env.wait_event("approval_requested")
    (asked,) = events_of(env, ev.ApprovalRequested)
    (decided,) = events_of(env, ev.Decided)
    assert (asked.approval.purpose, decided.decision.paused) == (Purpose.DECISION, True)


async def test_a_pause_of_another_action_changes_no_press(env: CaseEnvironment) -> None:
    """Nor does one of a detector: a person decided."""
    env.pauses = (
        AutomationPause(action="warn", by="U0TANAKA", at=minutes(0)),
        AutomationPause(detector="live-chat", by="U0TANAKA", at=minutes(0)),
    )
    policy = a_policy(
        act_first={"by": "lead", "within": "15m", "on_expiry": "refuse"}, protect=[], escalation=[]
    )
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1, score=0.5)], policy)
        await env.wait_open(handle)
        await env.press(handle, preset(SATO, "mute"))
        await env.wait_event("approval_requested")
    (asked,) = events_of(env, ev.ApprovalRequested)
    assert asked.approval.purpose is Purpose.REVIEW
