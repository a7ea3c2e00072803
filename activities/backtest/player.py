"""Player of alerts in event time: cases, protections, automatic decisions, calls and breakers.

Alerts that only count are not given to the domain one by one: a case exists as a `Case` once
something automatic concerns it.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.backtest.assessment import Assessed, Handling, Rules, related_types, whole
from activities.backtest.memory import AutomationMemory
from workflows.domain.alerts import brief, named
from workflows.domain.automation import pause_over
from workflows.domain.backtest.report import TripRecord
from workflows.domain.case import events as ev
from workflows.domain.case.automation import (
    Booked,
    Booking,
    Bookings,
    R,
    Trigger,
    automatic_commands,
    booked_command,
)
from workflows.domain.case.commands import Tick
from workflows.domain.case.decide import decide, decide_in_turn
from workflows.domain.case.escalation import calls_of
from workflows.domain.case.evolve import apply_all, opened
from workflows.domain.case.model import Case, seen_with
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.rules.automatic import may_decide
from workflows.domain.policy.playbook import Playbook, Policy, Severity, Unless


@dataclass(slots=True)
class OpenCase:
    """A case that is not decided; times are seconds since 1970.

    `raised` are the times at which its severity changed. `first` is the JSON text of its first
    alert, `related` has that of the last alert for each type of related subjects, the newest last;
    both where actions are planned.
    Rules that are `settled` have no further effect for alerts of that detector (empty: of any); no
    decision once it is not `decidable`.
    """

    playbook: str
    opened_at: float
    first_severity: Severity
    severity: Severity
    detectors: set[str]
    first: str
    label: bool | None = None
    alerts: int = 1
    raised: list[tuple[float, Severity]] = field(default_factory=list)
    related: dict[str, str] = field(default_factory=dict)
    claimed_at: float | None = None
    case: Case | None = None
    known: int = 1
    settled: set[tuple[int, str]] = field(default_factory=set)
    decidable: bool = True
    lifts: list[tuple[datetime, ev.ActionLifted]] = field(default_factory=list)

    def is_settled(self, rules: tuple[int, ...], detector: str) -> bool:
        """Whether none of the rules has a further effect for an alert of this detector."""
        done = self.settled
        return all((rule, "") in done or (rule, detector) in done for rule in rules)


@dataclass
class Counts:
    """Counts of one policy."""

    cases: int = 0
    logged: int = 0
    silenced: int = 0
    unmatched: int = 0
    auto: int = 0
    approvals: int = 0
    escalations: int = 0
    by_playbook: Counter[str] = field(default_factory=Counter)
    by_severity: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    shadow: Counter[str] = field(default_factory=Counter)
    trips: list[TripRecord] = field(default_factory=list)


Seen = Callable[[OpenCase, Iterable[ev.Event]], None]
"""Called with the events of something automatic in a case."""


class Player:
    """Plays assessed alerts by one policy. Times never decrease."""

    def __init__(self, policies: Mapping[str, Policy], seen: Seen | None = None) -> None:
        """`policies` by playbook; `seen` gets all events of automation."""
        self._policies = policies
        self._seen = seen
        self._planning = frozenset(
            name for name, each in policies.items() if self._plans(each.playbook)
        )
        self._ladders: dict[tuple[str, Severity], tuple[tuple[timedelta, Unless], ...]] = {}
        self._steps: list[tuple[float, int, str, OpenCase]] = []
        self._number = 0
        self.memory = AutomationMemory()
        self.open: dict[str, OpenCase] = {}
        self.counts = Counts()

    def take(
        self,
        at: float,
        assessed: Assessed,
        group: str,
        body: str,
        label: bool | None = None,
        related: tuple[str, ...] | None = None,
    ) -> tuple[str, ...]:
        """Plays one alert; returns the names of the actions that it started, the preset last.

        `related` are the types of its related subjects, read from `body` if they are not known.
        """
        counts = self.counts
        for name in assessed.shadows:
            counts.shadow[name] += 1
        if assessed.handling is not Handling.CASE:
            counts.logged += assessed.handling is Handling.LOGGED
            counts.unmatched += assessed.handling is Handling.UNMATCHED and not assessed.shadows
            return ()
        self.advance(at)
        case = self.open.get(group)
        if case is None:
            if self._is_silenced(at, assessed, body):
                counts.silenced += 1
                return ()
            case = self._open(at, assessed, group, body)
            case.label = label
        else:
            self._join(case, at, assessed, group, body)
            if case.playbook in self._planning:
                _relate(case, body, related)
        if not (assessed.rules or assessed.sampled):
            return ()
        rules = assessed.rules_in(case.severity)
        decides = rules.auto is not None and case.decidable
        if decides or assessed.sampled or not case.is_settled(rules.protect, assessed.detector):
            return self._automate(case, at, assessed, rules, group, body)
        return ()

    def advance(self, at: float) -> None:
        """Lets happen what is due without an alert."""
        while self._steps and self._steps[0][0] <= at:
            due, _, group, case = heapq.heappop(self._steps)
            if self.open.get(group) is case:
                self._call(case, max(due, case.raised[-1][0] if case.raised else due))

    def finish(self, at: float) -> None:
        """Ends the backtest: counts the calls of open cases up to then."""
        self.advance(at)
        for case in self.open.values():
            self.counts.escalations += self._calls(case, at)

    def _close(self, group: str, at: float) -> None:
        self.counts.escalations += self._calls(self.open.pop(group), at)

    def _plans(self, playbook: Playbook) -> bool:
        """Whether actions are planned in cases of a playbook, also on related subjects."""
        return bool(playbook.protections or playbook.auto)

    def _is_silenced(self, at: float, assessed: Assessed, body: str) -> bool:
        """Whether people cleared the content; there are none here."""
        return False

    # -- cases ------------------------------------------------------------------------------

    def _open(self, at: float, assessed: Assessed, group: str, body: str) -> OpenCase:
        playbook, severity = assessed.playbook, assessed.severity
        case = OpenCase(playbook, at, severity, severity, {assessed.detector}, body)
        self.open[group] = case
        self.counts.cases += 1
        self.counts.by_playbook[playbook] += 1
        self.counts.by_severity[severity.value] += 1
        self._expect_step(case, group)
        return case

    def _join(self, case: OpenCase, at: float, assessed: Assessed, group: str, body: str) -> None:
        case.alerts += 1
        case.detectors.add(assessed.detector)
        if assessed.severity.rank < case.severity.rank:
            self.counts.by_severity[case.severity.value] -= 1
            self.counts.by_severity[assessed.severity.value] += 1
            case.severity = assessed.severity
            case.raised.append((at, assessed.severity))
            self._expect_step(case, group)

    def domain_case(self, case: OpenCase, now: datetime) -> Case:
        """The case as the domain has it, with all its alerts and without what ended before."""
        known = case.case or self._new(case)
        if case.alerts > case.known or known.severity is not case.severity:
            known = _joined(known, case)
        over = [lift for due, lift in case.lifts if due <= now]
        case.lifts = [each for each in case.lifts if each[0] > now]
        case.case = apply_all(known, over)
        return case.case

    def _new(self, case: OpenCase) -> Case:
        alert = whole(case.first)
        assert alert is not None, "only valid alerts open cases"
        event = ev.CaseOpened(
            at=moment(case.opened_at),
            case=alert.key,
            playbook=case.playbook,
            subject=alert.subject,
            severity=case.first_severity,
            alert=brief(alert),
        )
        return opened("", self._policies[case.playbook], event)

    # -- automation -------------------------------------------------------------------------

    def _automate(
        self, case: OpenCase, at: float, assessed: Assessed, rules: Rules, group: str, body: str
    ) -> tuple[str, ...]:
        alert = whole(body)
        assert alert is not None, "only valid alerts are assessed"
        now = moment(at)
        known = self.domain_case(case, now)
        trigger = Trigger(
            detector=alert.detector,
            key=alert.key,
            rules=rules.protect,
            auto=rules.auto,
            sampled=assessed.sampled,
        )
        commands = self._booked(automatic_commands(known, trigger, self.memory.pauses, now), case)
        outcome = decide_in_turn(known, commands, now)
        if isinstance(outcome, Refusal):
            return ()
        events, case.case = outcome
        started = self._note(case, events)
        case.decidable = may_decide(case.case)
        self._settle(case, case.case, assessed.detector, rules.protect)
        if any(isinstance(each, ev.Decided) for each in events):
            self._close(group, at)
        return started

    def _settle(self, case: OpenCase, known: Case, detector: str, rules: tuple[int, ...]) -> None:
        """Notes rules that acted, or are prevented for good: a tripped breaker has no end here."""
        playbook, acted = known.policy.playbook, {each.rule for each in known.protections}
        spared = known.policy.exempts(known.subject) or known.policy.trusts(known.subject)
        for rule in rules:
            action = playbook.protect[rule].action
            if rule in acted or (spared and rule in known.withheld):
                case.settled.add((rule, ""))
            elif rule in known.withheld and pause_over(
                self.memory.pauses, playbook.playbook, (detector,), action
            ):
                case.settled.add((rule, detector))

    def _booked(self, bookings: Bookings[R], case: OpenCase) -> R:
        """Books what a command needs."""
        try:
            booking = next(bookings)
            while True:
                booking = bookings.send(self._book(case, booking))
        except StopIteration as done:
            result: R = done.value
            return result

    def _book(self, case: OpenCase, booking: Booking) -> Booked | None:
        """Books in memory, and records a breaker that trips."""
        before = len(self.memory.pauses)
        answer = self.memory.book(booking)
        for pause in self.memory.pauses[before:]:
            assert pause.trip is not None, "only breakers pause"
            self.counts.trips.append(
                TripRecord(
                    at=booking.at,
                    playbook=case.playbook,
                    detector=pause.detector or "",
                    action=pause.action or "",
                    cause=pause.trip.cause.value,
                )
            )
        return answer

    def _note(self, case: OpenCase, events: Iterable[ev.Event]) -> tuple[str, ...]:
        """Counts automatic actions; returns their names, and the preset of a decision."""
        events = tuple(events)
        names: list[str] = []
        preset: tuple[str, ...] = ()
        for event in events:
            if isinstance(event, ev.ProtectionStarted):
                names.append(event.action.planned.action)
                self._expect_lift(case, event)
            elif isinstance(event, ev.ProtectionWithheld):
                self.counts.withheld[_cause(event)] += max(len(event.rules), 1)
            elif isinstance(event, ev.Decided):
                names += [each.planned.action for each in event.actions]
            elif isinstance(event, ev.AutoDecided):
                preset = (f"{event.preset}",)
                self.counts.auto += 1
            elif isinstance(event, ev.ApprovalRequested):
                self.counts.approvals += 1
        self.counts.actions.update(names)
        if self._seen is not None:
            self._seen(case, events)
        return (*names, *preset)

    def _expect_lift(self, case: OpenCase, event: ev.ProtectionStarted) -> None:
        planned = event.action.planned
        if planned.lasts is not None:
            due = event.at + planned.lasts
            lift = ev.ActionLifted(at=due, decision=event.protection, action=planned.key)
            case.lifts.append((due, lift))

    # -- calls ------------------------------------------------------------------------------

    def _expect_step(self, case: OpenCase, group: str) -> None:
        """Remembers the calls of a case that protect."""
        playbook = self._policies[case.playbook].playbook
        for step in playbook.escalation:
            if step.protect is not None and step.concerns(case.severity):
                due = case.opened_at + step.after.total_seconds()
                self._number += 1
                heapq.heappush(self._steps, (due, self._number, group, case))

    def _call(self, case: OpenCase, at: float) -> None:
        now = moment(at)
        known = self.domain_case(case, now)
        first, _ = named(known.first.key)
        detectors = (first, *sorted(known.detectors - {first}))
        tick = Tick(pauses=self.memory.pauses)
        command, _ = self._booked(booked_command(known, tick, detectors, now), case)
        outcome = decide(known, command, now)
        if isinstance(outcome, Refusal):
            return
        case.case = apply_all(known, outcome)
        self._note(case, outcome)

    def _calls(self, case: OpenCase, end: float) -> int:
        """The number of calls of a case up to its end."""
        playbook = self._policies[case.playbook].playbook
        # An alert that raises the severity and ends the case calls nobody.
        raised = [(at, each) for at, each in case.raised if at < end]
        if raised:
            marks = [(timedelta(seconds=at - case.opened_at), each) for at, each in raised]
            calls = tuple(calls_of(playbook, case.first_severity, marks))
        else:
            key = (case.playbook, case.first_severity)
            if key not in self._ladders:
                self._ladders[key] = tuple(calls_of(playbook, case.first_severity))
            calls = self._ladders[key]
        lasted = timedelta(seconds=end - case.opened_at)
        claimed = None if case.claimed_at is None else case.claimed_at - case.opened_at
        return sum(
            at <= lasted
            and (unless is Unless.DECIDED or claimed is None or at.total_seconds() < claimed)
            for at, unless in calls
        )


def _relate(case: OpenCase, body: str, types: tuple[str, ...] | None) -> None:
    """Keeps an alert for its related subjects: actions are about the last one of each type."""
    if types is None:
        alert = whole(body)
        types = () if alert is None else related_types(alert)
    for type_ in types:
        case.related.pop(type_, None)
        case.related[type_] = body


def _joined(known: Case, case: OpenCase) -> Case:
    """The case with alerts that only counted."""
    version = known.version + case.alerts - case.known
    sightings = known.sightings
    for body in dict.fromkeys(case.related.values()):
        alert = whole(body)
        sightings = seen_with(sightings, brief(alert).related if alert else (), version)
    case.related, case.known = {}, case.alerts
    return known.model_copy(
        update={
            "alerts": case.alerts,
            "version": version,
            "severity": case.severity,
            "detectors": known.detectors | case.detectors,
            "sightings": sightings,
        }
    )


def _cause(event: ev.ProtectionWithheld) -> str:
    """The name of what prevented it: that of a power for a limit."""
    if event.limit is not None:
        return event.limit.power.value
    if event.exempt is not None:
        return "exempt"
    return "trusted" if event.trusted else "breaker"


def moment(at: float) -> datetime:
    """The time of seconds since 1970."""
    return datetime.fromtimestamp(at, UTC)
