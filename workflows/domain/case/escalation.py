"""When somebody has to be called: pure arithmetic over the playbook's ladder."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from workflows.domain.policy.playbook import Playbook, Severity, Step, Unless
from workflows.domain.values import Value


class Due(Value):
    """One step with its absolute time; `index` names it within the ladder.

    `round` counts its repetitions from 0, `last` where none follows.
    """

    index: int
    at: datetime
    step: Step
    round: int = 0
    last: bool = True


class Clock(Value):
    """When the two clocks of a case run out."""

    claim: datetime
    decide: datetime


class Back(Value):
    """A case came back undecided at `at`; whoever has it is left `grace` for what was missed."""

    at: datetime
    grace: timedelta


def clock(playbook: Playbook, severity: Severity, opened_at: datetime) -> Clock:
    """The clocks of a case, counted from its opening (later by what it was paused)."""
    clocks = playbook.clocks_of(severity)
    return Clock(claim=opened_at + clocks.claim, decide=opened_at + clocks.decide)


def open_steps(
    ladder: Iterable[Step],
    started_at: datetime,
    done: frozenset[int],
    quiet: frozenset[Unless],
    concerned: frozenset[int] | None = None,
    repeats: Mapping[int, int] | None = None,
    called_at: Mapping[int, datetime] | None = None,
    back: Back | None = None,
) -> tuple[Due, ...]:
    """The steps still to come, soonest first: not done, and not made needless by `quiet`.

    `concerned` are the steps that are for this case at all (None: each); `repeats` says how often
    a step was told already, `called_at` when it last was. What fell due before a case came `back`
    was quiet then: it is called once its grace is over.
    """
    told, last = repeats or {}, called_at or {}
    due = (
        _after(back, _due(index, step, started_at, told.get(index, 0), last.get(index)))
        for index, step in enumerate(ladder)
        if index not in done
        and step.unless not in quiet
        and (concerned is None or index in concerned)
    )
    return tuple(sorted(due, key=lambda each: (each.at, each.index)))


def _due(index: int, step: Step, started_at: datetime, told: int, last: datetime | None) -> Due:
    """The next round of a step that was told `told` times.

    One that came late (nobody looked, or it was quiet) does not bring the next ones at its heels.
    """
    if step.repeat is None:
        return Due(index=index, at=started_at + step.after, step=step)
    at = started_at + step.after + told * step.repeat.every
    at = at if last is None else max(at, last + step.repeat.every)
    return Due(index=index, at=at, step=step, round=told, last=told >= step.repeat.times)


def _after(back: Back | None, due: Due) -> Due:
    if back is None or due.at > back.at:
        return due
    return due.model_copy(update={"at": back.at + back.grace})


def overdue(at: datetime, now: datetime) -> timedelta:
    """How far `at` has passed; zero before it."""
    return max(now - at, timedelta())
