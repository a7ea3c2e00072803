"""Storm detection, and the mentions of a storm."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import T0, minutes
from workflows.domain.case import events as ev
from workflows.domain.case.events import CaseEscalated
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Severity, Via
from workflows.domain.storm import (
    Called,
    Mention,
    due_mentions,
    is_flooded,
    role_called,
)


def step(**changes: object) -> CaseEscalated:
    """The ladder's first step, which calls the shift in the thread."""
    given = {"at": T0, "notify": Notify.SHIFT, "step": 0, **changes}
    return CaseEscalated.model_validate(given)


def call(number: int, role: Role = Role.SPECIALIST, severity: Severity = Severity.HIGH) -> Called:
    return Called(case=f"K0000000{number}", seq=3, role=role, severity=severity)


@pytest.mark.parametrize(("waiting", "flooded"), [(0, False), (20, False), (21, True)])
def test_twenty_cards_that_wait_are_a_busy_minute(waiting: int, flooded: bool) -> None:
    """One more is a storm: its card is over twenty seconds away."""
    assert is_flooded(waiting) is flooded


@pytest.mark.parametrize(
    ("event", "role"),
    [
        (step(), Role.SPECIALIST),
        (step(notify=Notify.LEAD), Role.LEAD),
        (step(notify=Notify.ROLE, role=Role.ADMIN), Role.ADMIN),
        (step(via=Via.BOTH), Role.SPECIALIST),
        (step(via=Via.DIRECT), None),
        (step(notify=Notify.PERSON, person="U0REED"), None),
        (step(step=None, by="U0SATO", notify=Notify.LEAD), None),
        (ev.CaseClaimed(at=T0, by="U0SATO"), None),
    ],
)
def test_only_what_the_clock_calls_in_a_thread_is_called_together(
    event: ev.Event, role: Role | None
) -> None:
    """What a person asked for, what names one, and direct messages are made as ever."""
    assert role_called(event) is role


def test_a_role_is_called_once_for_all_that_waited() -> None:
    """With how many there are of each severity."""
    called = [call(1), call(2, severity=Severity.CRITICAL), call(3), call(4, Role.LEAD)]
    assert due_mentions(called, {}, T0) == (
        Mention(role=Role.LEAD, counts={Severity.HIGH: 1}),
        Mention(role=Role.SPECIALIST, counts={Severity.HIGH: 2, Severity.CRITICAL: 1}),
    )


def test_a_role_is_not_called_again_within_three_minutes() -> None:
    """Later escalations are in the next mention; another role does not wait for it."""
    told = {Role.SPECIALIST: T0}
    called = [call(1), call(2, Role.LEAD)]
    early, late = minutes(3) - timedelta(seconds=1), minutes(3)
    assert [each.role for each in due_mentions(called, told, early)] == [Role.LEAD]
    assert [each.role for each in due_mentions(called, told, late)] == [
        Role.LEAD,
        Role.SPECIALIST,
    ]


def test_a_critical_case_does_not_wait_for_three_minutes() -> None:
    """Its claim clock would be over; half a minute still keeps a dozen of them together."""
    told = {Role.SPECIALIST: T0}
    called = [call(1), call(2, severity=Severity.CRITICAL)]
    assert due_mentions(called, told, T0 + timedelta(seconds=29)) == ()
    assert due_mentions(called, told, T0 + timedelta(seconds=30)) == (
        Mention(role=Role.SPECIALIST, counts={Severity.HIGH: 1, Severity.CRITICAL: 1}),
    )


def test_nobody_called_is_nobody_mentioned() -> None:
    """A storm alone calls nobody: its cases' ladders do."""
    assert due_mentions([], {}, T0) == ()
