"""Automation of a case: the commands that an alert or a deadline gives, with their bookings.

The generators yield each `Booking` and take its answer, None if it is lost. Live cases book in the
ledger, backtests in memory.
"""

from collections.abc import Generator, Iterable
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import Field

from workflows.domain.automation import AutomationPause, pause_over
from workflows.domain.brakes import AutomaticAction, Breaker
from workflows.domain.case.commands import DecideAutomatically, MarkSample, ProtectNow, Tick
from workflows.domain.case.decide import decide
from workflows.domain.case.events import Event
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.rules.automatic import may_decide
from workflows.domain.case.rules.protections import fresh_rules
from workflows.domain.case.rules.tightening import automatic_actions, automatic_uses, starters
from workflows.domain.policy.limits import Full, Power, Use
from workflows.domain.values import Value


class Counted(Value):
    """Automatic actions to count for the `breaker` of a playbook.

    They count for the first of `detectors` that no pause concerns.
    """

    playbook: str
    detectors: Annotated[tuple[str, ...], Field(min_length=1)]
    breaker: Breaker
    actions: Annotated[tuple[AutomaticAction, ...], Field(min_length=1)]


class Booking(Value):
    """Uses and automatic actions to book at a time, all or none; `case` is for the record."""

    uses: tuple[Use, ...]
    at: datetime
    case: str | None = None
    counted: Counted | None = None


class Booked(Value):
    """The totals of a booking's uses with the earlier ones, by power.

    `full` or `pause` prevents all.
    """

    totals: dict[Power, int] = Field(default_factory=dict)
    full: Full | None = None
    pause: AutomationPause | None = None


class Trigger(Value):
    """An alert with the `protect` rules and the `auto` rule that hold, as indexes.

    `sampled`: it is a recorded alert that was drawn for review.
    """

    detector: str
    key: str
    rules: tuple[int, ...] = ()
    auto: int | None = None
    sampled: bool = False


AutomaticCommand = ProtectNow | MarkSample | DecideAutomatically
C = TypeVar("C", ProtectNow, DecideAutomatically, Tick)
R = TypeVar("R")
Bookings = Generator[Booking, Booked | None, R]
"""Yields bookings, takes their answers, and returns `R`."""


def automatic_commands(
    case: Case, alert: Trigger, pauses: tuple[AutomationPause, ...], now: datetime
) -> Bookings[list[AutomaticCommand]]:
    """The commands that an alert gives by itself: protections, then a decision.

    While bookings are lost protections start: each is limited to one in its case. A decision is
    left to people.
    """
    commands: list[AutomaticCommand] = []
    by = (alert.detector,)
    if fresh := fresh_rules(case, alert.rules):
        wanted = ProtectNow(rules=fresh, detector=alert.detector, pauses=pauses)
        protect, _ = yield from booked_command(case, wanted, by, now)
        commands.append(protect)
        pauses = protect.pauses
    if alert.sampled and case.first.key == alert.key:
        commands.append(MarkSample(alert_key=alert.key))
    if alert.auto is not None and may_decide(case):
        auto = DecideAutomatically(
            rule=alert.auto, alert_key=alert.key, detector=alert.detector, pauses=pauses
        )
        decision, known = yield from booked_command(case, auto, by, now)
        if known:
            commands.append(decision)
    return commands


def booked_command(
    case: Case, command: C, detectors: tuple[str, ...], now: datetime
) -> Bookings[tuple[C, bool]]:
    """Books the automatic actions of a command; returns it with what prevents them.

    It is booked again without the actions that a pause prevents. False: an answer was lost.
    """
    while True:
        outcome = decide(case, command, now)
        events = () if isinstance(outcome, Refusal) else outcome
        sent = starters(events, detectors)
        uses = automatic_uses(case, events, sent[0])
        if (met := _limit_met(case, sent[0], now)) is not None:
            again = met.model_copy(update={"alert": False}) if uses else None
            return command.model_copy(update={"limit": again}), True
        counted = _counted(case, events, sent)
        if not uses and counted is None:
            return command.model_copy(update={"limit": None}), True
        answer = yield Booking(uses=uses, at=now, case=case.id, counted=counted)
        if answer is None:
            return command, False
        if answer.pause is None or answer.pause in command.pauses:
            return command.model_copy(update={"limit": answer.full}), True
        command = command.model_copy(update={"pauses": (*command.pauses, answer.pause)})


def _limit_met(case: Case, detector: str, now: datetime) -> Full | None:
    """The limit that the case has met; it is not asked for again before its time."""
    met = case.automation_limit
    if met is None or met.holder not in (detector, case.policy.playbook.playbook):
        return None
    return met if met.resets_at is not None and now < met.resets_at else None


def _counted(case: Case, events: Iterable[Event], detectors: tuple[str, ...]) -> Counted | None:
    playbook, actions = case.policy.playbook, automatic_actions(case, events)
    if playbook.breaker is None or not actions:
        return None
    return Counted(
        playbook=playbook.playbook,
        detectors=detectors,
        breaker=playbook.breaker,
        actions=actions,
    )


def prevented(booking: Booking, pauses: Iterable[AutomationPause]) -> Booked | None:
    """The pause that prevents the actions of a booking."""
    counted, pauses = booking.counted, tuple(pauses)
    if counted is None:
        return None
    for each in counted.actions:
        pause = pause_over(pauses, counted.playbook, counted.detectors, each.action)
        if pause is not None and not each.sampled:
            return Booked(pause=pause)
    return None


def counted_detector(pauses: Iterable[AutomationPause], counted: Counted, action: str) -> str:
    """The first detector whose action is not paused."""
    if len(counted.detectors) == 1:
        return counted.detectors[0]
    known = tuple(pauses)
    free = (d for d in counted.detectors if not pause_over(known, counted.playbook, (d,), action))
    return next(free, counted.detectors[0])
