"""Limits in a case's workflow: bookings, refusals, and the alert of the leads."""

from datetime import timedelta
from uuid import uuid4

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, CaseEnvironment
from tests.workflows.domain.builders import SATO, a_policy, an_alert, minutes, preset
from workflows.activity_options import slack_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.refusals import Reason
from workflows.domain.policy.limits import Full, Power
from workflows.domain.policy.playbook import Policy

HOUR = {"most": 5, "within": "1h"}
FULL = Full(
    power=Power.DECISIONS,
    holder="U0SATO",
    most=5,
    within=timedelta(hours=1),
    used=5,
    resets_at=minutes(60),
    alert=True,
)


def policy(**limits: object) -> Policy:
    """A policy with these limits."""
    written = a_policy().model_dump(mode="json", by_alias=True)
    rule = {"by": "lead", "within": "20m"}
    return Policy.model_validate({**written, "limits": {"approval": rule, **limits}})


PEOPLE = policy(people={"decisions": HOUR, "clears": HOUR}, velocity={"actions": 9, "within": "1h"})
AUTOMATION = policy(automation={"detector": HOUR, "playbook": HOUR})


def kinds(env: CaseEnvironment) -> list[str]:
    return [each.event.kind for each in env.events]


async def test_a_press_above_the_limit_has_no_effect(env: CaseEnvironment) -> None:
    """The person gets the limit, the case an event, and the leads an alert."""
    env.full = FULL
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1, score=0.5)], PEOPLE)
        await env.wait_open(handle)
        before = len(kinds(env))
        await env.press(handle, preset(SATO, "warn"))
        await env.wait_event("limit_reached")
        await wait_until(lambda: env.answers and env.alerted, what="answer and alert")
    assert env.answers[0].refusal.reason is Reason.LIMIT_REACHED
    assert env.answers[0].refusal.limit == FULL
    assert [each.limit for each in env.alerted] == [FULL]
    assert "decided" not in kinds(env)[before:]


async def test_a_later_refusal_alerts_nobody_again(env: CaseEnvironment) -> None:
    """The ledger says whether the leads know; the event is recorded each time."""
    env.full = FULL.model_copy(update={"alert": False})
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1, score=0.5)], PEOPLE)
        await env.wait_open(handle)
        for _ in range(2):
            await env.press(handle, cmd.MarkNoViolation(by=SATO))
        await wait_until(lambda: kinds(env).count("limit_reached") == 2, what="two events")
        await wait_until(lambda: len(env.answers) == 2, what="two answers")
    assert env.alerted == []


async def test_a_press_that_is_delivered_twice_is_booked_once(env: CaseEnvironment) -> None:
    """A decision books what it is and its actions, together and under one key."""
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1, score=0.5)], PEOPLE)
        await env.wait_open(handle)
        memory = await env.cases.memory(handle.id)
        assert memory is not None
        assert memory.case is not None
        click = cmd.Click(
            id=uuid4().hex,
            case=memory.case.id,
            command=preset(SATO, "warn"),
            place=cmd.Place(channel="C0LIVE"),
        )
        for _ in range(2):
            await env.cases.click(handle.id, click)
        await env.wait_event("decided")
    (booking,) = env.bookings
    assert {use.key for use in booking.uses} == {f"{memory.case.id}/D1/U0SATO"}
    assert [(use.power, use.most) for use in booking.uses] == [
        (Power.DECISIONS, 5),
        (Power.ACTIONS, None),
    ]


async def test_automation_above_its_limit_is_withheld(env: CaseEnvironment) -> None:
    """The case opens all the same; the next alert does not ask again before the reset."""
    full = {"power": Power.DETECTOR, "holder": "live-chat", "resets_at": None}
    env.full = FULL.model_copy(update=full)
    async with env.worker(slack_queue(QUEUE)):
        handle = await env.alerts([an_alert(1)], AUTOMATION)
        await env.wait_event("protection_withheld")
        await wait_until(lambda: env.alerted, what="an alert")
    (withheld,) = (e.event for e in env.events if isinstance(e.event, ev.ProtectionWithheld))
    assert withheld.limit == env.full
    assert "protection_started" not in kinds(env)
    assert handle.id.startswith("case/")


async def test_the_leads_are_alerted_as_often_as_the_ledger_says(env: CaseEnvironment) -> None:
    """The case records a limit once, and the ledger asks for an alert in each time of it."""
    full = {"power": Power.DETECTOR, "holder": "live-chat", "resets_at": None}
    env.full = FULL.model_copy(update=full)
    async with env.worker(slack_queue(QUEUE)):
        await env.alerts([an_alert(1)], AUTOMATION)
        await env.wait_event("protection_withheld")
        await env.alerts([an_alert(2)], AUTOMATION)
        await wait_until(lambda: len(env.alerted) == 2, what="the second alert")
    assert len({each.key for each in env.alerted}) == 2
    assert kinds(env).count("protection_withheld") == 1
