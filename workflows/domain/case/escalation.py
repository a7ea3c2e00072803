"""Escalation times, computed from the playbook's ladder."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workflows.domain.policy.playbook import Playbook, Severity, Step, Unless
from workflows.domain.values import Value


class Due(Value):
    """A step at its time; `round` counts its repetitions from 0, none follows the `last`."""

    index: int
    at: datetime
    step: Step
    round: int = 0
    last: bool = True


class Missed(Value):
    """A call at `at` that reached nobody; `step` is its place in the ladder."""

    at: datetime
    step: int | None = None


class Clock(Value):
    """The ends of the two clocks of a case."""

    claim: datetime
    decide: datetime


class Back(Value):
    """The return of a case to undecided at `at`; missed steps are due after `grace`."""

    at: datetime
    grace: timedelta


def clock(playbook: Playbook, severity: Severity, opened_at: datetime) -> Clock:
    """The clocks of a case; `opened_at` is later by the time of its pauses."""
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
    """The remaining steps, soonest first: not `done`, with a condition that is not in `quiet`.

    `concerned` are the steps that apply to the case (None: all), `repeats` counts the calls of each
    step, `called_at` is the time of the last one. Steps due before the case came `back` were quiet
    then: they are due after its grace.
    """
    calls, last = repeats or {}, called_at or {}
    due = (
        _after(back, _due(index, step, started_at, calls.get(index, 0), last.get(index)))
        for index, step in enumerate(ladder)
        if index not in done
        and step.unless not in quiet
        and (concerned is None or index in concerned)
    )
    return tuple(sorted(due, key=lambda each: (each.at, each.index)))


def _due(index: int, step: Step, started_at: datetime, calls: int, last: datetime | None) -> Due:
    """The next round of a step after `calls` calls; after a late call the interval starts again."""
    if step.repeat is None:
        return Due(index=index, at=started_at + step.after, step=step)
    at = started_at + step.after + calls * step.repeat.every
    at = at if last is None else max(at, last + step.repeat.every)
    return Due(index=index, at=at, step=step, round=calls, last=calls >= step.repeat.times)


def _after(back: Back | None, due: Due) -> Due:
    if back is None or due.at > back.at:
        return due
    return due.model_copy(update={"at": back.at + back.grace})


def hastened(due: tuple[Due, ...], missed: Missed | None) -> tuple[Due, ...]:
    """The steps, with the next one due at once after a call that reached nobody."""
    others = [each for each in due if missed is not None and each.index != missed.step]
    if missed is None or not others:
        return due
    at = min(others[0].at, missed.at)
    changed = (each.model_copy(update={"at": at}) if each is others[0] else each for each in due)
    return tuple(sorted(changed, key=lambda each: (each.at, each.index)))


_START = datetime(2000, 1, 1, tzinfo=UTC)


def calls_of(
    playbook: Playbook, severity: Severity, raised: Iterable[tuple[timedelta, Severity]] = ()
) -> Iterator[tuple[timedelta, Unless]]:
    """The calls of a case that no person sees to: times after the opening, and their conditions.

    `raised` are later severities with their times after the opening, in their order.
    """
    changes = list(raised)
    done, now = _NO_CALLS, timedelta()
    while True:
        due = done.next_step(playbook, severity)
        at = None if due is None else max(due.at - _START, now)
        if changes and (at is None or changes[0][0] <= at):
            now, severity = changes.pop(0)
            done = done if playbook.escalation else _NO_CALLS
        elif due is None or at is None:
            return
        else:
            now, done = at, done.after(due, _START + at)
            yield at, due.step.unless


@dataclass(frozen=True)
class _Calls:
    steps: frozenset[int] = frozenset()
    rounds: dict[int, int] = field(default_factory=dict)
    called_at: dict[int, datetime] = field(default_factory=dict)

    def next_step(self, playbook: Playbook, severity: Severity) -> Due | None:
        ladder = playbook.ladder(severity)
        concerned = frozenset(i for i, step in enumerate(ladder) if step.concerns(severity))
        own = (self.steps, frozenset[Unless](), concerned, self.rounds, self.called_at)
        return next(iter(open_steps(ladder, _START, *own)), None)

    def after(self, due: Due, at: datetime) -> "_Calls":
        return _Calls(
            steps=self.steps | {due.index} if due.last else self.steps,
            rounds={**self.rounds, due.index: due.round + 1},
            called_at={**self.called_at, due.index: at},
        )


_NO_CALLS = _Calls()


def overdue(at: datetime, now: datetime) -> timedelta:
    """The time since `at`; zero before it."""
    return max(now - at, timedelta())
