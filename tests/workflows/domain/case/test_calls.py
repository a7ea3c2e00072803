"""Calls of a case that no person sees to: those of the domain at the case's deadlines."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import T0, a_case, a_policy, an_alert, follow
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.escalation import calls_of
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.policy.playbook import Playbook, Severity, Unless

Call = tuple[timedelta, Unless]
Raised = list[tuple[timedelta, Severity]]

STEPS = st.fixed_dictionaries(
    {
        "after": st.integers(1, 12).map(lambda n: f"{n}m"),
        "unless": st.sampled_from([each.value for each in Unless]),
        "notify": st.just("lead"),
    },
    optional={
        "severity": st.lists(st.sampled_from([each.value for each in Severity]), max_size=2),
        "repeat": st.fixed_dictionaries(
            {"every": st.integers(1, 6).map(lambda n: f"{n}m"), "times": st.integers(1, 4)}
        ),
    },
)
CLOCKS = st.fixed_dictionaries(
    {},
    optional={
        each.value: st.fixed_dictionaries(
            {
                "claim": st.integers(1, 20).map(lambda n: f"{n}m"),
                "decide": st.integers(1, 60).map(lambda n: f"{n}m"),
            }
        )
        for each in Severity
    },
).filter(bool)


@st.composite
def worse_and_worse(draw: st.DrawFn) -> tuple[Severity, Raised]:
    """A first severity, and worse ones in their order at times after the opening."""
    order = sorted(Severity, key=lambda each: -each.rank)
    chosen = sorted(draw(st.sets(st.sampled_from(range(4)), min_size=1)))
    seconds = st.integers(0, 45).map(lambda half: 30 * half)
    times = sorted(draw(st.tuples(*(seconds for _ in chosen[1:]))))
    raised = [
        (timedelta(seconds=at), order[place]) for at, place in zip(times, chosen[1:], strict=True)
    ]
    return order[chosen[0]], raised


def ticked(case: Case, raised: Raised) -> list[Call]:
    """The calls of a case with a tick at each deadline; a rise at the same time comes first."""
    calls, now, changes = list[Call](), T0, list(raised)
    while changes or case.deadline is not None:
        due = None if case.deadline is None else max(case.deadline, now)
        if changes and (due is None or T0 + changes[0][0] <= due):
            offset, severity = changes.pop(0)
            now = T0 + offset
            alert = brief(an_alert(2))
            case = follow(case, cmd.JoinAlert(alert=alert, severity=severity), now)
            continue
        assert due is not None
        now = due
        outcome = decide(case, cmd.Tick(), now)
        assert not isinstance(outcome, Refusal)
        assert outcome, "a deadline has an effect"
        calls += _calls_in(outcome)
        case = apply_all(case, outcome)
    return calls


def _calls_in(events: Iterable[ev.Event]) -> list[Call]:
    called = (each for each in events if isinstance(each, ev.CaseEscalated))
    return [(each.at - T0, each.unless) for each in called if each.unless is not None]


def _playbook(ladder: list[dict[str, Any]], **more: Any) -> Any:
    return a_policy(escalation=ladder, claims=None, protect=[], **more)


@given(st.lists(STEPS, max_size=4), CLOCKS, worse_and_worse())
def test_calls_are_those_of_a_case(
    ladder: list[dict[str, Any]], clocks: dict[str, Any], severities: tuple[Severity, Raised]
) -> None:
    """With and without a written ladder, with repeats, and with severities that rise in between."""
    first, raised = severities
    policy = _playbook(ladder, clocks=clocks, severity={each.value: "true" for each in Severity})
    expected = ticked(a_case(first, policy), raised)
    assert list(calls_of(policy.playbook, first, raised)) == expected


def at(minutes: float, unless: Unless) -> Call:
    """A call so long after the opening."""
    return timedelta(minutes=minutes), unless


@pytest.fixture
def usual() -> Playbook:
    """The playbook without a written ladder: critical 2 and 10 minutes, medium 1 and 8 hours."""
    found: Playbook = _playbook([]).playbook
    return found


def test_without_a_ladder_the_ends_of_the_clocks_call(usual: Playbook) -> None:
    """The shift at the end of the claim's clock, the leads at that of the decision's."""
    assert list(calls_of(usual, Severity.CRITICAL)) == [
        at(2, Unless.CLAIMED),
        at(10, Unless.DECIDED),
    ]


def test_a_worse_severity_has_clocks_of_its_own(usual: Playbook) -> None:
    """The clocks of the new one are over: both calls are due at once, besides the one before."""
    raised = [(timedelta(minutes=90), Severity.CRITICAL)]
    assert list(calls_of(usual, Severity.MEDIUM, raised)) == [
        at(60, Unless.CLAIMED),
        at(90, Unless.CLAIMED),
        at(90, Unless.DECIDED),
    ]


def test_a_step_for_a_worse_severity_is_called_late() -> None:
    """At the rise, and its repetitions count from there."""
    step = {"after": "5m", "unless": "decided", "notify": "lead", "severity": ["critical"]}
    ladder = [{**step, "repeat": {"every": "3m", "times": 2}}]
    raised = [(timedelta(minutes=20), Severity.CRITICAL)]
    found = list(calls_of(_playbook(ladder).playbook, Severity.MEDIUM, raised))
    assert found == [at(minute, Unless.DECIDED) for minute in (20, 23, 26)]


def test_a_playbook_may_call_nobody() -> None:
    """All steps are for other severities."""
    step = {"after": "5m", "unless": "decided", "notify": "lead", "severity": ["critical"]}
    assert list(calls_of(_playbook([step]).playbook, Severity.MEDIUM)) == []
