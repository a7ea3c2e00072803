"""Presses with the roles of their person, at a running case."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.office import PATIENCE, Office
from workflows.domain.case.commands import Grant
from workflows.domain.people import Role


def read(ago: timedelta) -> Grant:
    """Roles that the bot read so long ago."""
    return Grant(roles=(Role.SPECIALIST,), as_of=datetime.now(UTC) - ago)


async def test_a_press_with_fresh_roles_asks_nobody(office: Office) -> None:
    """The bot had read them a moment before."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle, read(timedelta(0)))
    await office.wait_event("case_claimed")
    assert office.asked == []


async def test_a_press_with_old_roles_asks_for_them(office: Office) -> None:
    """They may be others by now."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle, read(timedelta(hours=1)))
    await office.wait_event("case_claimed")
    assert office.asked == ["U0SATO"]


async def test_a_press_without_roles_asks_for_them(office: Office) -> None:
    """Its decision is the same."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.claim(handle)
    await office.wait_event("case_claimed")
    assert office.asked == ["U0SATO"]


async def test_a_press_is_decided_between_two_batches_of_alerts(office: Office) -> None:
    """However many alerts come one after another: who waited for a claim goes before the next."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    office.may_claim.clear()
    await office.alert(2)
    await wait_until(lambda: office.claims, PATIENCE, what="a claim under way")
    await office.claim(handle, read(timedelta(0)))
    await office.cases.reached(handle.id)
    await office.alert(3)
    await office.cases.reached(handle.id)
    office.may_claim.set()
    await office.wait_counted(3)
    await wait_until(lambda: len(office.events) == 3, PATIENCE, what="three events")
    kinds = [each.event.kind for each in office.events]
    assert kinds == ["alert_joined", "case_claimed", "alert_joined"]
