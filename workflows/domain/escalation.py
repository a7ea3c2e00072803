"""When somebody has to be called: pure arithmetic over the playbook's ladder."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from workflows.domain.model import Value
from workflows.domain.playbook.model import Playbook, Severity, Step, Unless


class Due(Value):
    """One step with its absolute time; `index` names it within the ladder."""

    index: int
    at: datetime
    step: Step


class Clock(Value):
    """When the two clocks of a case run out."""

    claim: datetime
    decide: datetime


def clock(playbook: Playbook, severity: Severity, opened_at: datetime) -> Clock:
    """The clocks of a case, counted from its opening."""
    clocks = playbook.clocks_of(severity)
    return Clock(claim=opened_at + clocks.claim, decide=opened_at + clocks.decide)


def open_steps(
    ladder: Iterable[Step], opened_at: datetime, done: frozenset[int], quiet: frozenset[Unless]
) -> tuple[Due, ...]:
    """The steps still to come, soonest first: not done, and not made needless by `quiet`."""
    due = (
        Due(index=index, at=opened_at + step.after, step=step)
        for index, step in enumerate(ladder)
        if index not in done and step.unless not in quiet
    )
    return tuple(sorted(due, key=lambda each: (each.at, each.index)))


def overdue(at: datetime, now: datetime) -> timedelta:
    """How far `at` has passed; zero before it."""
    return max(now - at, timedelta())
