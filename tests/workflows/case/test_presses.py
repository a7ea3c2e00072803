"""Presses at a running case, with and without roles."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import wait_until
from tests.timeouts import answered
from tests.workflows.case.environment import WAIT_SECONDS, CaseEnvironment
from workflows.domain.case.commands import Grant
from workflows.domain.people import Role


def read(ago: timedelta) -> Grant:
    """Returns roles of this age."""
    return Grant(roles=(Role.SPECIALIST,), as_of=datetime.now(UTC) - ago)


async def test_a_press_with_fresh_roles_needs_no_lookup(env: CaseEnvironment) -> None:
    """The bot had just read them."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.claim(handle, read(timedelta(0)))
    await env.wait_event("case_claimed")
    assert env.asked == []


async def test_old_roles_are_looked_up_again(env: CaseEnvironment) -> None:
    """They may have changed."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.claim(handle, read(timedelta(hours=1)))
    await env.wait_event("case_claimed")
    assert env.asked == ["U0SATO"]


async def test_missing_roles_are_looked_up(env: CaseEnvironment) -> None:
    """The decision is the same."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.claim(handle)
    await env.wait_event("case_claimed")
    assert env.asked == ["U0SATO"]


async def test_a_press_is_decided_between_two_batches_of_alerts(env: CaseEnvironment) -> None:
    """A press that waited for a claim goes before the next one."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    env.may_claim.clear()
    await env.alert(2)
    await wait_until(lambda: env.claims, WAIT_SECONDS, what="a claim under way")
    await env.claim(handle, read(timedelta(0)))
    await answered(lambda: env.cases.reached(handle.id))
    await env.alert(3)
    await answered(lambda: env.cases.reached(handle.id))
    env.may_claim.set()
    await env.wait_counted(3)
    await wait_until(lambda: len(env.events) == 3, WAIT_SECONDS, what="three events")
    kinds = [each.event.kind for each in env.events]
    assert kinds == ["alert_joined", "case_claimed", "alert_joined"]
