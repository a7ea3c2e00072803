"""From what happened to the numbers: pure, so that anybody can recompute them by hand."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import Field

from workflows.domain.case.decision import Verdict
from workflows.domain.case.events import kinds
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Value


@dataclass(frozen=True)
class Happening:
    """One event of a case, with what of it is counted, named as in `workflows.domain.happened`.

    `occurred_at` is when the detector saw what opened the case, `done` how many subjects of a ring
    are done.
    """

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


@dataclass(frozen=True)
class CaseStatus:
    """A case that is not closed. `due` is when its present step runs out, as in the queue."""

    case: str
    severity: Severity
    phase: Phase
    opened_at: datetime
    due: datetime | None = None
    decide_due: datetime | None = None


class Spread(Value):
    """The middle and the slow end of `of` durations; None where there are none."""

    of: int = 0
    p50: timedelta | None = None
    p95: timedelta | None = None


class Sla(Value):
    """Decisions in time, decisions too late, and cases that are late and still undecided."""

    met: int = 0
    missed: int = 0
    overdue: int = 0

    @property
    def of(self) -> int:
        """The denominator: met + missed + open and overdue."""
        return self.met + self.missed + self.overdue

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where there was nothing to decide in time."""
        return self.met / self.of if self.of else None


class Backlog(Value):
    """What is not closed at the end: how many, how many overdue, by severity; and how old."""

    open: dict[Severity, int] = Field(default_factory=dict)
    overdue: dict[Severity, int] = Field(default_factory=dict)
    age: Spread = Spread()

    @property
    def total(self) -> int:
        """How many are not closed."""
        return sum(self.open.values())

    @property
    def late(self) -> int:
        """How many of them are overdue."""
        return sum(self.overdue.values())


class Approvals(Value):
    """Requests that came to an end, and those that wait at the end of the time."""

    given: int = 0
    refused: int = 0
    expired: int = 0
    waiting: int = 0


class Protections(Value):
    """What Koban began by itself, what became of it, and what stands at the end of the time."""

    started: int = 0
    lifted: int = 0
    confirmed: int = 0
    running: int = 0


class PlaybookCount(Value):
    """One playbook's part: cases opened and decisions taken."""

    playbook: str
    opened: int = 0
    decisions: int = 0


class Hour(Value):
    """Cases that were opened and closed within an hour from `starts`."""

    starts: datetime
    opened: int = 0
    closed: int = 0


class Numbers(Value):
    """Everything that happened within [since, until), and what stands at its end.

    Nothing in it names a person.
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
    sla: dict[Severity, Sla] = Field(default_factory=dict)
    approvals: Approvals = Approvals()
    protections: Protections = Protections()
    backlog: Backlog = Backlog()
    hours: tuple[Hour, ...] = ()

    @property
    def decided(self) -> int:
        """How many decisions were taken."""
        return sum(self.decisions.values())

    @property
    def sla_total(self) -> Sla:
        """Over all severities."""
        parts = self.sla.values()
        return Sla(
            met=sum(each.met for each in parts),
            missed=sum(each.missed for each in parts),
            overdue=sum(each.overdue for each in parts),
        )


def spread(durations: Iterable[timedelta]) -> Spread:
    """By nearest rank: the smallest value that half (19 of 20) of them do not exceed."""
    ordered = sorted(durations)
    return Spread(of=len(ordered), p50=_rank(ordered, 50), p95=_rank(ordered, 95))


def _rank(ordered: list[timedelta], percent: int) -> timedelta | None:
    if not ordered:
        return None
    return ordered[max(-(-percent * len(ordered) // 100) - 1, 0)]


HOUR = timedelta(hours=1)

TOOK_EFFECT = frozenset({"action_succeeded", "action_verified"})
OPENED = ("case_opened", "case_reopened")
CLOSED = ("case_closed", "case_merged")
COUNTED = kinds(lambda each: each.counted)


@dataclass
class _Found:
    """What the events of all cases say; each list only holds what fell into the time."""

    ttfa: list[timedelta] = field(default_factory=list)
    ttd: list[timedelta] = field(default_factory=list)
    kept: list[tuple[Severity, bool]] = field(default_factory=list)
    kinds: list[Happening] = field(default_factory=list)


def numbers(
    happened: Iterable[Happening],
    standing: Sequence[CaseStatus],
    since: datetime,
    until: datetime,
    waiting: int = 0,
    running: int = 0,
) -> Numbers:
    """The numbers of [since, until).

    `happened` are all counted events, in their order, of every case that has one in the time;
    `standing` the cases that are not closed at `until`. `waiting` approvals and `running`
    protections are counted where they stand.
    """
    found = _Found()
    for case in _by_case(happened).values():
        _read(case, since, until, found)
    told = Counter(each.kind for each in found.kinds)
    return Numbers(
        since=since,
        until=until,
        opened=sum(told[kind] for kind in OPENED),
        closed=sum(told[kind] for kind in CLOSED),
        handed_over=told["case_handed_over"],
        decisions=_verdicts(found.kinds),
        playbooks=_playbooks(found.kinds),
        ttfa=spread(found.ttfa),
        ttd=spread(found.ttd),
        sla=_sla(found.kept, standing, until),
        approvals=_approvals(found.kinds, waiting),
        protections=Protections(
            started=told["protection_started"],
            lifted=told["protection_lifted"],
            confirmed=told["protection_confirmed"],
            running=running,
        ),
        backlog=backlog(standing, until),
        hours=hours(found.kinds, since, until),
    )


def backlog(standing: Sequence[CaseStatus], now: datetime) -> Backlog:
    """What is not closed, and how long ago it was opened."""
    late = [each for each in standing if each.due is not None and each.due < now]
    return Backlog(
        open=dict(Counter(each.severity for each in standing)),
        overdue=dict(Counter(each.severity for each in late)),
        age=spread(max(now - each.opened_at, timedelta()) for each in standing),
    )


def hours(happened: Iterable[Happening], since: datetime, until: datetime) -> tuple[Hour, ...]:
    """Cases opened and closed in each hour from `since` on; the last one may be shorter."""
    opened, closed = Counter[int](), Counter[int]()
    for each in happened:
        place = (each.at - since) // HOUR
        opened[place] += each.kind in OPENED
        closed[place] += each.kind in CLOSED
    return tuple(
        Hour(starts=since + place * HOUR, opened=opened[place], closed=closed[place])
        for place in range(-((since - until) // HOUR))
    )


def _by_case(happened: Iterable[Happening]) -> Mapping[str, list[Happening]]:
    stories: dict[str, list[Happening]] = defaultdict(list)
    for each in happened:
        stories[each.case].append(each)
    return stories


def _read(story: Sequence[Happening], since: datetime, until: datetime, found: _Found) -> None:
    """One case: its events in the time, and its first action and decisions where they fell in."""
    within = [each for each in story if since <= each.at < until]
    found.kinds += within
    opening = next((each for each in story if each.kind == "case_opened"), None)
    effect = next((each for each in story if _took_effect(each)), None)
    if effect in within and opening is not None:
        found.ttfa.append(max(effect.at - _detected(opening), timedelta()))
    decided = next((each for each in story if each.kind == "decided"), None)
    if decided in within and opening is not None:
        found.ttd.append(max(decided.at - opening.at, timedelta()))
    found.kept += [kept for each, kept in _kept(story) if each in within]


def _took_effect(happening: Happening) -> bool:
    """Whether the platform was changed for this case by then."""
    if happening.kind == "bulk_progressed":
        return happening.done > 0
    return happening.kind in TOOK_EFFECT


def _detected(opening: Happening) -> datetime:
    """When the detector saw what the case's first alert tells of."""
    return opening.occurred_at or opening.at


def _kept(story: Sequence[Happening]) -> Iterator[tuple[Happening, tuple[Severity, bool]]]:
    """The first decision after each opening, and whether it came before its clock ran out."""
    undecided = True
    for each in story:
        if each.kind in OPENED:
            undecided = True
        elif each.kind == "decided" and undecided:
            undecided = False
            if each.due is not None:
                yield each, (each.severity, each.at <= each.due)


def _sla(
    kept: Iterable[tuple[Severity, bool]], standing: Iterable[CaseStatus], now: datetime
) -> dict[Severity, Sla]:
    met, missed = Counter[Severity](), Counter[Severity]()
    for severity, in_time in kept:
        (met if in_time else missed)[severity] += 1
    late = Counter(each.severity for each in standing if _is_late(each, now))
    return {
        severity: Sla(met=met[severity], missed=missed[severity], overdue=late[severity])
        for severity in Severity
        if met[severity] or missed[severity] or late[severity]
    }


def _is_late(case: CaseStatus, now: datetime) -> bool:
    """Undecided, though its time to decide is over."""
    return case.phase in UNDECIDED and case.decide_due is not None and case.decide_due < now


def _verdicts(happened: Iterable[Happening]) -> dict[Verdict, int]:
    taken = Counter(each.verdict for each in happened if each.kind == "decided")
    return {verdict: taken[verdict] for verdict in Verdict if taken[verdict]}


def _playbooks(happened: Sequence[Happening]) -> tuple[PlaybookCount, ...]:
    """The busiest first."""
    opened = _per_playbook(happened, lambda kind: kind in OPENED)
    decided = _per_playbook(happened, lambda kind: kind == "decided")
    counts = [
        PlaybookCount(playbook=name, opened=opened[name], decisions=decided[name])
        for name in {*opened, *decided}
    ]
    return tuple(sorted(counts, key=lambda c: (-c.opened - c.decisions, c.playbook)))


def _per_playbook(happened: Iterable[Happening], counts: Callable[[str], bool]) -> Counter[str]:
    return Counter(each.playbook for each in happened if counts(each.kind))


def _approvals(happened: Iterable[Happening], waiting: int) -> Approvals:
    ended: Counter[str] = Counter()
    for each in happened:
        ended[each.kind] += _ends(each)
    return Approvals(
        given=ended["approved"],
        refused=ended["rejected"],
        expired=ended["approval_expired"],
        waiting=waiting,
    )


def _ends(happening: Happening) -> bool:
    """Whether a request came to its end: not while somebody is missing or is asked again."""
    if happening.kind == "approved":
        return happening.granted
    if happening.kind == "approval_expired":
        return happening.outcome != OnExpiry.ESCALATE
    return happening.kind == "rejected"
