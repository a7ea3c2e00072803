"""Reference for players: every alert and deadline is given to the domain, one by one.

It places alerts with the functions of `koban serve`, and keeps no shortcut of the player.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.backtest.memory import AutomationMemory
from bot.admission import Target
from bot.policies import Policies
from workflows.case.inbox import assessed
from workflows.conditions import holds
from workflows.domain.alerts import MANUAL_DETECTORS, Alert, brief, named
from workflows.domain.brakes import LastCase, content_digest, is_silenced
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.automation import (
    Bookings,
    R,
    Trigger,
    automatic_commands,
    booked_command,
)
from workflows.domain.case.decide import decide, decide_in_turn
from workflows.domain.case.evolve import apply, apply_all, opened
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.people import Actor, Role
from workflows.domain.policy.matching import RecordKind, assess

PERSON = Actor(id="U0", roles=frozenset({Role.SPECIALIST, Role.LEAD}))


@dataclass
class Opened:
    """An open case, its lifts to come, and the time of its last change."""

    case: Case
    now: datetime
    number: int
    lifts: list[tuple[datetime, ev.ActionLifted]] = field(default_factory=list)
    content: set[str] = field(default_factory=set)
    label: bool | None = None
    done_at: datetime | None = None
    lasts: LastCase | None = None


class Reference:
    """Cases of one folder; with `people` they take the worst case first, for `handling` each."""

    def __init__(
        self, policies: Policies, people: int = 0, handling: timedelta = timedelta()
    ) -> None:
        self._policies = policies
        self._free, self._handling = people, handling
        self._memory = AutomationMemory()
        self._open: dict[Any, Opened] = {}
        self._last: dict[tuple[str, str], Opened] = {}
        self.events: defaultdict[str, list[ev.Event]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.severities: dict[str, str] = {}
        self.waits: list[timedelta] = []

    def take(self, now: datetime, alert: Alert, label: bool | None = None) -> None:
        """Gives an alert to its case."""
        self.advance(now)
        target = self._policies.target_of(alert)
        records = self._policies.shadow_records(alert) if target is None else target.records
        if target is None or records:
            logged = sum(each.kind is RecordKind.LOGGED for each in records)
            self.counts["logged"] += logged
            self._shadows(each.playbook for each in records if each.kind is RecordKind.SHADOW)
            self.counts["unmatched"] += target is None
            return
        self._shadows(each.playbook for each in self._policies.shadow_records(alert))
        if target.key in self._open:
            self._join(target, now, alert)
        elif self._silenced(target, now, alert):
            self.counts["silenced"] += 1
        else:
            self._begin(target, now, alert, label)
        self._assign(now)

    def _shadows(self, names: Iterable[str]) -> None:
        self.counts.update(f"shadow {name}" for name in names)

    def finish(self, now: datetime) -> None:
        """Lets everything happen that is due."""
        self.advance(now)

    # -- cases ------------------------------------------------------------------------------

    def _begin(self, target: Target, now: datetime, alert: Alert, label: bool | None) -> None:
        weighed = assess(target.policy.playbook, alert, holds)
        event = ev.CaseOpened(
            at=now,
            case=alert.key,
            playbook=target.policy.playbook.playbook,
            subject=alert.subject,
            severity=weighed.severity,
            alert=brief(alert),
        )
        case = opened("", target.policy, event)
        own = Opened(case, now, self.counts["cases"], label=label)
        self._open[target.key] = own
        self._last[event.playbook, alert.subject.key] = own
        own.lasts = LastCase(case=case.id, severity=0, closed_at=None, cleared=False)
        self.counts["cases"] += 1
        self.counts[f"playbook {event.playbook}"] += 1
        self.severities[case.id] = weighed.severity.value
        self._automate(target, own, now, alert)

    def _join(self, target: Target, now: datetime, alert: Alert) -> None:
        own = self._open[target.key]
        weighed = assess(own.case.policy.playbook, alert, holds)
        outcome = decide(
            own.case, cmd.JoinAlert(alert=brief(alert), severity=weighed.severity), now
        )
        assert not isinstance(outcome, Refusal)
        own.case, own.now = apply_all(own.case, outcome), now
        self.severities[own.case.id] = own.case.severity.value
        self._automate(target, own, now, alert)

    def _automate(self, target: Target, own: Opened, now: datetime, alert: Alert) -> None:
        content = content_digest(alert)
        own.content.update([content] if content is not None else ())
        (found,) = assessed(own.case, [assess(own.case.policy.playbook, alert, holds)])
        trigger = Trigger(
            detector=alert.detector,
            key=alert.key,
            rules=found.rules,
            auto=found.auto,
            sampled=found.weighed.placement.sampled,
        )
        commands = self._booked(automatic_commands(own.case, trigger, self._memory.pauses, now))
        outcome = decide_in_turn(own.case, commands, now)
        assert not isinstance(outcome, Refusal)
        events, own.case = outcome
        self._note(own, events)
        if any(isinstance(each, ev.Decided) for each in events):
            del self._open[target.key]

    def _booked(self, bookings: Bookings[R]) -> R:
        try:
            booking = next(bookings)
            while True:
                before = self._memory.pauses
                booking = bookings.send(self._memory.book(booking))
                self.counts["trips"] += len(self._memory.pauses) - len(before)
        except StopIteration as done:
            self.counts["trips"] = len(self._memory.pauses)
            result: R = done.value
            return result

    def _note(self, own: Opened, events: Iterable[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.CaseEscalated):
                self.counts["escalations"] += 1
                continue
            self.events[own.case.id].append(event)
            if isinstance(event, ev.ProtectionStarted):
                planned = event.action.planned
                self.counts[f"action {planned.action}"] += 1
                if planned.lasts is not None:
                    due = event.at + planned.lasts
                    lift = ev.ActionLifted(at=due, decision=event.protection, action=planned.key)
                    own.lifts.append((due, lift))
            elif isinstance(event, ev.Decided):
                names = [each.planned.action for each in event.actions]
                self.counts.update(f"action {name}" for name in names)
            elif isinstance(event, ev.AutoDecided):
                self.counts["auto"] += 1
            elif isinstance(event, ev.ProtectionWithheld):
                causes = {
                    "exempt": event.exempt,
                    "trusted": event.trusted,
                    "breaker": event.pause,
                    "" if event.limit is None else event.limit.power.value: event.limit,
                }
                cause = next(name for name, value in causes.items() if value)
                self.counts[f"withheld {cause}"] += max(len(event.rules), 1)

    # -- time -------------------------------------------------------------------------------

    def advance(self, until: datetime) -> None:
        """Lifts, ticks and people's decisions up to a time, in their order."""
        while True:
            due = [each for each in self._due() if each[0] <= until]
            if not due:
                return
            at, _, _, key = min(due, key=lambda each: each[:3])
            self._happen(key, at)

    def _due(self) -> Iterator[tuple[datetime, int, int, Any]]:
        for key, own in self._open.items():
            yield from ((due, 0, own.number, key) for due, _ in own.lifts)
            if own.case.deadline is not None:
                yield max(own.case.deadline, own.now), 1, own.number, key
            if own.done_at is not None:
                yield own.done_at, 2, own.number, key

    def _happen(self, key: Any, now: datetime) -> None:
        own = self._open[key]
        own.now = max(now, own.now)
        for lift in [each for each in own.lifts if each[0] <= now]:
            own.lifts.remove(lift)
            own.case = apply(own.case, lift[1])
            return
        if own.case.deadline is not None and own.case.deadline <= now:
            self._tick(own, now)
            return
        self._decide(key, own, now)
        self._assign(now)

    def _tick(self, own: Opened, now: datetime) -> None:
        """As `tick_at` of live cases."""
        tick = cmd.Tick()
        if protects_by(own.case, now):
            first, _ = named(own.case.first.key)
            sent = (first, *sorted(own.case.detectors - {first}))
            wanted = cmd.Tick(pauses=self._memory.pauses)
            tick, _ = self._booked(booked_command(own.case, wanted, sent, now))
        outcome = decide(own.case, tick, now)
        assert not isinstance(outcome, Refusal)
        assert outcome, "a deadline has an effect"
        own.case = apply_all(own.case, outcome)
        self._note(own, outcome)

    # -- people -----------------------------------------------------------------------------

    def _assign(self, now: datetime) -> None:
        waiting = [each for each in self._open.values() if each.done_at is None]
        waiting.sort(key=lambda each: (each.case.severity.rank, each.number))
        for own in waiting[: self._free]:
            self._free -= 1
            outcome = decide(own.case, cmd.Claim(by=PERSON), now)
            assert not isinstance(outcome, Refusal)
            own.case, own.now = apply_all(own.case, outcome), now
            own.done_at = now + self._handling
            self.waits.append(now - own.case.opened_at)

    def _decide(self, key: Any, own: Opened, now: datetime) -> None:
        self._free += 1
        if own.label is False:
            command: cmd.Command = cmd.MarkNoViolation(by=PERSON)
        else:
            first = own.case.policy.playbook.presets[0].id
            command = cmd.ChoosePreset(by=PERSON, preset=first)
        outcome = decide(own.case, command, now)
        events = () if isinstance(outcome, Refusal) else outcome
        self.counts["approvals"] += sum(isinstance(e, ev.ApprovalRequested) for e in events)
        self.counts["handled"] += 1
        own.lasts = LastCase(
            case=own.case.id,
            severity=own.case.severity.rank,
            closed_at=now,
            cleared=own.label is False,
            content=frozenset(own.content),
        )
        del self._open[key]

    def _silenced(self, target: Target, now: datetime, alert: Alert) -> bool:
        playbook = target.policy.playbook
        rule, content = playbook.silence, content_digest(alert)
        if rule is None or content is None or alert.detector in MANUAL_DETECTORS:
            return False
        last = self._last.get((playbook.playbook, alert.subject.key))
        rank = assess(playbook, alert, holds).severity.rank
        return is_silenced(rule, None if last is None else last.lasts, content, rank, now)
