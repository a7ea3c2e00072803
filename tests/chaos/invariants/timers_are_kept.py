"""Timers: escalations, expiries and lifts are at most 2 s late.

A kill moves the due time to the moment when all of Koban is healthy again. A lift is done with the
first request to the platform; how long the platform then refuses is not counted. The lateness of a
bare timer on the same server at the same time is subtracted: it is the machine's.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.chaos.evidence import Evidence, Row, Story, Violation, clock
from tests.chaos.processes import Outage
from workflows.domain.case.events import (
    ActionSucceeded,
    ActionVerified,
    ProtectionConfirmed,
    ProtectionDismissed,
    ProtectionHeld,
    UndoRequested,
)

NUMBER = 5
LATEST = 2.0
DECIDED_UPON = ProtectionHeld | ProtectionConfirmed | ProtectionDismissed


def check(seen: Evidence) -> Iterator[Violation]:
    """Returns every timer that was more than `LATEST` seconds late."""
    for late, what in lateness(seen):
        if late > LATEST:
            yield Violation(NUMBER, f"{what} came {late:.1f} s late")
        if late < -0.5:
            yield Violation(NUMBER, f"{what} came {-late:.1f} s early")


def lateness(seen: Evidence) -> Iterator[tuple[float, str]]:
    """Yields (seconds late, name) of every due timer."""
    for case, story in seen.stories.items():
        ends = [event.at.timestamp() for event in story.events[1:]] + [seen.at]
        for event, state, until in zip(story.events, story.states, ends, strict=True):
            if state.deadline is None:
                continue
            # What ran out while something else was waited for is due when that ends.
            due = max(state.deadline.timestamp(), event.at.timestamp())
            if until >= due:
                words = f"case {case}: the clock of version {state.version}, due {clock(due)},"
                yield _late(due, until, seen), words
        yield from _lifts(case, story, seen)


def _lifts(case: str, story: Story, seen: Evidence) -> Iterator[tuple[float, str]]:
    undone = {e.decision for e in story.events if isinstance(e, UndoRequested)}
    # A decision says when these end, and no clock of their own.
    undone |= {e.protection for e in story.events if isinstance(e, DECIDED_UPON)}
    for event, state in zip(story.events, story.states, strict=True):
        if not isinstance(event, ActionVerified | ActionSucceeded) or event.until is None:
            continue
        if event.decision in undone:
            continue
        name, _, subject = event.action.partition("/")
        key = f"{case}/{event.decision}/{name}/{subject.partition(':')[2]}"
        actions = {a.planned.key: a for a in state.actions_of(event.decision)}
        # A change that was made again after its end has a key of its own.
        life = actions[event.action].life
        key = key if life == 1 else f"{key}/{life}"
        calls = [c for c in seen.calls if c["idempotency_key"] == f"{key}/undo"]
        asked = _at(calls[0]) if calls else seen.at
        due = max(event.until.timestamp(), _known(key, seen))
        if asked >= due or calls:
            early = asked - event.until.timestamp()
            late = early if early < 0 else _late(due, asked, seen)
            yield late, f"the lift of {key}, due {clock(due)},"


def _known(key: str, seen: Evidence) -> float:
    """Time of the first report of the change."""
    reported = (
        _at(call)
        for call in seen.calls
        if call["idempotency_key"] == key and call["status"] < 300 and not call["fault"]
    )
    return min(reported, default=0.0)


def moved(due: float, until: float, outages: Sequence[Outage]) -> float:
    """`due`, moved to the end of every outage that began before the timer was late."""
    for outage in sorted(outages, key=lambda each: each.since):
        ended = until if outage.until is None else outage.until
        if outage.since <= due + LATEST and ended > due:
            due = min(ended, until)
    return due


def _late(due: float, until: float, seen: Evidence) -> float:
    due = moved(due, until, seen.outages)
    return max(0.0, until - due - baseline_lateness(due, until, seen.baseline))


def baseline_lateness(due: float, until: float, baseline: Sequence[tuple[float, float]]) -> float:
    """Lateness of a baseline timer between these times."""
    near = (
        expected + late - max(expected, due) for expected, late in baseline if expected <= until
    )
    return max([0.0, *near])


def machine_lateness(seen: Evidence) -> float:
    """The most seconds by which a baseline timer was late outside outages: the machine's own."""
    ends = ((expected, expected + late) for expected, late in seen.baseline)
    return max((end - moved(due, end, seen.outages) for due, end in ends), default=0.0)


def _at(call: Row) -> float:
    return datetime.fromisoformat(call["at"]).timestamp()
