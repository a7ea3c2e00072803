"""Presses at a running case, with and without roles."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import wait_until
from tests.timeouts import answered
from tests.workflows.case.office import WAIT_SECONDS, Office
from workflows.domain.case.commands import Grant
from workflows.domain.people import Role


def read(ago: timedelta) -> Grant:
    """Returns roles of this age."""
    return Grant(roles=(Role.SPECIALIST,), as_of=datetime.now(UTC) - ago)


async def test_a_press_with_fresh_roles_needs_no_lookup(office: Office) -> None:
    """The bot had just read them."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle, read(timedelta(0)))
    await office.wait_event("case_claimed")
    assert office.asked == []


async def test_old_roles_are_looked_up_again(office: Office) -> None:
    """They may have changed."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle, read(timedelta(hours=1)))
    await office.wait_event("case_claimed")
    assert office.asked == ["U0SATO"]


async def test_missing_roles_are_looked_up(office: Office) -> None:
    """The decision is the same."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle)
    await office.wait_event("case_claimed")
    assert office.asked == ["U0SATO"]


async def test_a_press_is_decided_between_two_batches_of_alerts(office: Office) -> None:
    """A press that waited for a claim goes before the next one."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    office.may_claim.clear()
    await office.alert(2)
    await wait_until(lambda: office.claims, WAIT_SECONDS, what="a claim under way")
    await office.claim(handle, read(timedelta(0)))
    await answered(lambda: office.cases.reached(handle.id))
    await office.alert(3)
    await answered(lambda: office.cases.reached(handle.id))
    office.may_claim.set()
    await office.wait_counted(3)
    await wait_until(lambda: len(office.events) == 3, WAIT_SECONDS, what="three events")
    kinds = [each.event.kind for each in office.events]
    assert kinds == ["alert_joined", "case_claimed", "alert_joined"]
