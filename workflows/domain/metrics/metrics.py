"""Metrics of the team, computed from counted events."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import Field

from workflows.domain.case import events as ev
from workflows.domain.case.decision import Verdict
from workflows.domain.case.event_base import EventBase, kind_of
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.bands import Trial
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Value


@dataclass(frozen=True)
class CountedEvent:
    """An event for metrics, with the names of `case.events`; `done` counts subjects of a bulk."""

    case: str
    playbook: str
    severity: Severity
    kind: str
    at: datetime
    occurred_at: datetime | None = None
    verdict: str | None = None
    due: datetime | None = None
    granted: bool = False
    outcome: str | None = None
    done: int = 0

    def of(self, *events: type[EventBase]) -> bool:
        """Whether it is one of these events."""
        return self.kind in map(kind_of, events)


@dataclass(frozen=True)
class CaseStatus:
    """A case that is not closed; `due` is the end of its current step.

    `claim_due` is None once it has an owner.
    """

    case: str
    severity: Severity
    phase: Phase
    opened_at: datetime
    due: datetime | None = None
    claim_due: datetime | None = None
    decide_due: datetime | None = None


class Spread(Value):
    """Median and 95th percentile of `of` durations; None without any."""

    of: int = 0
    p50: timedelta | None = None
    p95: timedelta | None = None


class Sla(Value):
    """Claims or decisions in time, late ones, and open cases for which it is overdue."""

    met: int = 0
    missed: int = 0
    overdue: int = 0

    @property
    def of(self) -> int:
        """The denominator: met + missed + open and overdue."""
        return self.met + self.missed + self.overdue

    @property
    def share(self) -> float | None:
        """The share in time from 0 to 1; None without any."""
        return self.met / self.of if self.of else None


class Backlog(Value):
    """Open and overdue cases at the end by severity, and their age."""

    open: dict[Severity, int] = Field(default_factory=dict)
    overdue: dict[Severity, int] = Field(default_factory=dict)
    age: Spread = Spread()

    @property
    def total(self) -> int:
        """The number of open cases."""
        return sum(self.open.values())

    @property
    def late(self) -> int:
        """The number of overdue cases."""
        return sum(self.overdue.values())


class Approvals(Value):
    """Requests that ended within the time, and those waiting at its end."""

    given: int = 0
    refused: int = 0
    expired: int = 0
    waiting: int = 0


class Protections(Value):
    """Protections started, lifted and confirmed within the time, and running at its end."""

    started: int = 0
    lifted: int = 0
    confirmed: int = 0
    running: int = 0


class Automatic(Value):
    """Automatic decisions within the time, those that people took back, and samples instead."""

    decided: int = 0
    reconsidered: int = 0
    sampled: int = 0


class WithoutCase(Value):
    """Recorded alerts within the time that opened and joined no case, by the reason."""

    logged: int = 0
    silenced: int = 0
    snoozed: int = 0


class PlaybookCount(Value):
    """Opened cases and decisions of one playbook."""

    playbook: str
    opened: int = 0
    decisions: int = 0


class Hour(Value):
    """Cases opened and closed in the hour from `starts`."""

    starts: datetime
    opened: int = 0
    closed: int = 0


class Numbers(Value):
    """The metrics of [since, until); `claims` and `sla` are the SLAs of claims and of decisions.

    They never include people.
    """

    since: datetime
    until: datetime
    opened: int = 0
    closed: int = 0
    handed_over: int = 0
    decisions: dict[Verdict, int] = Field(default_factory=dict)
    playbooks: tuple[PlaybookCount, ...] = ()
    ttfa: Spread = Spread()
    ttd: Spread = Spread()
    claims: dict[Severity, Sla] = Field(default_factory=dict)
    sla: dict[Severity, Sla] = Field(default_factory=dict)
    approvals: Approvals = Approvals()
    protections: Protections = Protections()
    automatic: Automatic = Automatic()
    without_case: WithoutCase = WithoutCase()
    trials: tuple[Trial, ...] = ()
    backlog: Backlog = Backlog()
    hours: tuple[Hour, ...] = ()

    @property
    def decided(self) -> int:
        """The number of decisions."""
        return sum(self.decisions.values())

    @property
    def claims_total(self) -> Sla:
        """The claims of all severities."""
        return _total(self.claims)

    @property
    def sla_total(self) -> Sla:
        """The decisions of all severities."""
        return _total(self.sla)


def _total(slas: dict[Severity, Sla]) -> Sla:
    parts = [each.model_dump() for each in slas.values()]
    return Sla(**{name: sum(part[name] for part in parts) for name in Sla.model_fields})


def spread(durations: Iterable[timedelta]) -> Spread:
    """Percentiles by nearest rank."""
    ordered = sorted(durations)
    return Spread(of=len(ordered), p50=_rank(ordered, 50), p95=_rank(ordered, 95))


def _rank(ordered: list[timedelta], percent: int) -> timedelta | None:
    if not ordered:
        return None
    return ordered[max(-(-percent * len(ordered) // 100) - 1, 0)]


HOUR = timedelta(hours=1)

_NONE = WithoutCase()

TOOK_EFFECT = (ev.ActionSucceeded, ev.ActionVerified)
OPENED = (ev.CaseOpened, ev.CaseReopened)
CLOSED = (ev.CaseClosed, ev.CaseMerged)
COUNTED = ev.kinds(lambda each: each.counted)


@dataclass
class _Found:
    """Values from the events of all cases, within the time."""

    ttfa: list[timedelta] = field(default_factory=list)
    ttd: list[timedelta] = field(default_factory=list)
    claimed: list[CountedEvent] = field(default_factory=list)
    decided: list[CountedEvent] = field(default_factory=list)
    kinds: list[CountedEvent] = field(default_factory=list)


def numbers(
    events: Iterable[CountedEvent],
    open_cases: Sequence[CaseStatus],
    since: datetime,
    until: datetime,
    waiting: int = 0,
    running: int = 0,
    without_case: WithoutCase = _NONE,
) -> Numbers:
    """The numbers of [since, until).

    `events` are all counted events, in their order, of every case with one in the time;
    `open_cases` are those not closed at `until`, with `waiting` approvals and `running`
    protections.
    """
    found = _Found()
    by_case: dict[str, list[CountedEvent]] = defaultdict(list)
    for each in events:
        by_case[each.case].append(each)
    for case in by_case.values():
        _read(case, since, until, found)
    counts = Counter(each.kind for each in found.kinds)
    unclaimed = {each: each.claim_due for each in open_cases if each.phase is Phase.OPEN}
    undecided = {each: each.decide_due for each in open_cases if each.phase in UNDECIDED}
    return Numbers(
        since=since,
        until=until,
        opened=sum(counts[kind_of(each)] for each in OPENED),
        closed=sum(counts[kind_of(each)] for each in CLOSED),
        handed_over=counts[kind_of(ev.CaseHandedOver)],
        decisions=_verdicts(found.kinds),
        playbooks=_playbooks(found.kinds),
        ttfa=spread(found.ttfa),
        ttd=spread(found.ttd),
        claims=_sla(found.claimed, unclaimed, until),
        sla=_sla(found.decided, undecided, until),
        approvals=_approvals(found.kinds, waiting),
        protections=Protections(
            started=counts[kind_of(ev.ProtectionStarted)],
            lifted=counts[kind_of(ev.ProtectionLifted)],
            confirmed=counts[kind_of(ev.ProtectionConfirmed)],
            running=running,
        ),
        automatic=Automatic(
            decided=counts[kind_of(ev.AutoDecided)],
            reconsidered=counts[kind_of(ev.ReopeningRequested)],
            sampled=counts[kind_of(ev.Sampled)],
        ),
        without_case=without_case,
        backlog=backlog(open_cases, until),
        hours=hours(found.kinds, since, until),
    )


def backlog(open_cases: Sequence[CaseStatus], now: datetime) -> Backlog:
    """The backlog of these cases at `now`."""
    late = [each for each in open_cases if each.due is not None and each.due < now]
    return Backlog(
        open=dict(Counter(each.severity for each in open_cases)),
        overdue=dict(Counter(each.severity for each in late)),
        age=spread(max(now - each.opened_at, timedelta()) for each in open_cases),
    )


def hours(events: Iterable[CountedEvent], since: datetime, until: datetime) -> tuple[Hour, ...]:
    """Opened and closed cases per hour from `since`; the last hour may be shorter."""
    opened, closed = Counter[int](), Counter[int]()
    for each in events:
        place = (each.at - since) // HOUR
        opened[place] += each.of(*OPENED)
        closed[place] += each.of(*CLOSED)
    return tuple(
        Hour(starts=since + place * HOUR, opened=opened[place], closed=closed[place])
        for place in range(-((since - until) // HOUR))
    )


def _read(events: Sequence[CountedEvent], since: datetime, until: datetime, found: _Found) -> None:
    """Adds one case: its events within the time, its first effect, claim and decisions."""
    within = [each for each in events if since <= each.at < until]
    found.kinds += within
    opening = next((each for each in events if each.of(ev.CaseOpened)), None)
    effect = next((each for each in events if _took_effect(each)), None)
    if effect in within and opening is not None:
        detected = opening.occurred_at or opening.at
        found.ttfa.append(max(effect.at - detected, timedelta()))
    events = _by_people(events)
    decided = next((each for each in events if each.of(ev.Decided)), None)
    if decided in within and opening is not None:
        found.ttd.append(max(decided.at - opening.at, timedelta()))
    claimed = next((each for each in events if each.of(ev.CaseClaimed)), None)
    found.claimed += [each for each in (claimed,) if each in within]
    found.decided += [each for each in _first_decisions(events) if each in within]


def _by_people(events: Sequence[CountedEvent]) -> list[CountedEvent]:
    """The events without automatic decisions, which say nothing about the speed of people."""
    before = (None, *events)
    return [
        each
        for last, each in zip(before, events, strict=False)
        if last is None or not last.of(ev.AutoDecided)
    ]


def _took_effect(event: CountedEvent) -> bool:
    """Whether the event is a change at the platform."""
    return event.of(*TOOK_EFFECT) or (event.of(ev.BulkProgressed) and event.done > 0)


def _first_decisions(events: Sequence[CountedEvent]) -> Iterator[CountedEvent]:
    """The first decision after each opening."""
    undecided = True
    for each in events:
        if each.of(*OPENED):
            undecided = True
        elif each.of(ev.Decided) and undecided:
            undecided = False
            yield each


def _sla(
    events: Iterable[CountedEvent], ends: Mapping[CaseStatus, datetime | None], now: datetime
) -> dict[Severity, Sla]:
    """The SLA of claims or decisions, and of open cases with the `ends` of that clock."""
    met, missed = Counter[Severity](), Counter[Severity]()
    for each in events:
        if each.due is not None:
            (met if each.at <= each.due else missed)[each.severity] += 1
    late = Counter(case.severity for case, end in ends.items() if end is not None and end < now)
    return {
        severity: Sla(met=met[severity], missed=missed[severity], overdue=late[severity])
        for severity in Severity
        if met[severity] or missed[severity] or late[severity]
    }


def _verdicts(events: Iterable[CountedEvent]) -> dict[Verdict, int]:
    taken = Counter(each.verdict for each in events if each.of(ev.Decided))
    return {verdict: taken[verdict] for verdict in Verdict if taken[verdict]}


def _playbooks(events: Sequence[CountedEvent]) -> tuple[PlaybookCount, ...]:
    """The busiest first."""
    opened = Counter(each.playbook for each in events if each.of(*OPENED))
    decided = Counter(each.playbook for each in events if each.of(ev.Decided))
    counts = [
        PlaybookCount(playbook=name, opened=opened[name], decisions=decided[name])
        for name in {*opened, *decided}
    ]
    return tuple(sorted(counts, key=lambda c: (-c.opened - c.decisions, c.playbook)))


def _approvals(events: Iterable[CountedEvent], waiting: int) -> Approvals:
    ended = Counter(each.kind for each in events if _ends(each))
    return Approvals(
        given=ended[kind_of(ev.Approved)],
        refused=ended[kind_of(ev.Rejected)],
        expired=ended[kind_of(ev.ApprovalExpired)],
        waiting=waiting,
    )


def _ends(event: CountedEvent) -> bool:
    """Whether an approval request ended: not by one of several consents, nor by a repetition."""
    if event.of(ev.Approved):
        return event.granted
    if event.of(ev.ApprovalExpired):
        return event.outcome != OnExpiry.ESCALATE
    return event.of(ev.Rejected)
