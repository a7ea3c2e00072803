"""The numbers that a team runs on: what each one counts, and of how many. See docs/numbers.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from workflows.domain.case_state import Phase
from workflows.domain.decision import Verdict
from workflows.domain.model import Value
from workflows.domain.playbook.model import Severity


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
class Standing:
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
