"""Reports as data: lists of cases, shifts and charts."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.policy.playbook import Severity
from workflows.domain.policy.roster import Team
from workflows.domain.values import Language, Text, Value


class Bars(Value):
    """Two bars for each label; labels may be empty to save space."""

    title: str
    labels: tuple[str, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    first_name: str
    second_name: str


class ShareRow(Value):
    """A bar from 0 to 100 %: counts of its three parts, and the text at its end."""

    label: str
    met: int
    missed: int
    overdue: int
    said: str

    @property
    def of(self) -> int:
        """The total."""
        return self.met + self.missed + self.overdue


class Shares(Value):
    """Shares of claims and decisions in time, a bar per row; without rows the text `nothing`."""

    title: str
    rows: tuple[ShareRow, ...]
    met: str
    missed: str
    overdue: str
    nothing: str


class Chart(Value):
    """The whole chart; `alt` is its text alternative."""

    title: str
    bars: Bars
    shares: Shares
    alt: str


MOST_LISTED = 10
"""Items per list."""
SOON = timedelta(hours=4)
"""Protections that end within this time are listed."""
DAY = timedelta(hours=24)
"""Period of a daily digest."""


class ReportKind(StrEnum):
    """The kind of a report: digest of a day, or hand-over of a shift."""

    DAILY = "daily"
    SHIFT = "shift"


class CaseNote(Value):
    """A case in a report; `due` is the end of its current step, or None."""

    id: str
    title: Text
    severity: Severity
    phase: Phase
    owner: str | None = None
    due: datetime | None = None
    waits: bool = False
    hold: HoldKind | None = None
    hold_until: datetime | None = None
    card: CardRef | None = None


class ProtectionNote(Value):
    """A protection that ends soon; `action` is its title, or its name without one."""

    case: str
    title: Text
    severity: Severity
    action: Text
    until: datetime
    card: CardRef | None = None


class Cases(Value):
    """A list with `count` cases; `shown` are the most severe."""

    count: int = 0
    shown: tuple[CaseNote, ...] = ()


class Report(Value):
    """The content of a report. `key` is its idempotency key, `at` the time of its data."""

    key: str
    kind: ReportKind
    channel: str
    language: Language | None = None
    at: datetime
    numbers: Numbers
    playbooks: dict[str, Text] = Field(default_factory=dict)
    team: Team | None = None
    following: tuple[Team, ...] = ()
    handing: Cases = Cases()
    overdue: Cases = Cases()
    waiting: Cases = Cases()
    held: Cases = Cases()
    ending: tuple[ProtectionNote, ...] = ()
    endings: int = 0


def listed(notes: Iterable[CaseNote], chosen: Callable[[CaseNote], bool]) -> Cases:
    """The `chosen` cases, the most severe first, then by due time."""
    found = [note for note in notes if chosen(note)]
    found.sort(key=lambda note: (note.severity.rank, note.due is None, note.due, note.id))
    return Cases(count=len(found), shown=tuple(found[:MOST_LISTED]))


def is_open(note: CaseNote) -> bool:
    """Whether the case is not closed; a closed one is listed if its undo waits for approval."""
    return note.phase is not Phase.CLOSED


def handed_over(notes: Iterable[CaseNote], people: Sequence[str]) -> Cases:
    """The open cases of these people."""
    return listed(notes, lambda note: is_open(note) and note.owner in people)


def overdue(notes: Iterable[CaseNote], now: datetime) -> Cases:
    """The open cases whose current step is overdue."""
    return listed(notes, lambda note: is_open(note) and note.due is not None and note.due < now)


def waiting(notes: Iterable[CaseNote]) -> Cases:
    """The cases that wait for an approval, of a decision, a review or an undo."""
    return listed(notes, lambda note: note.waits)


def held(notes: Iterable[CaseNote]) -> Cases:
    """The open cases on hold."""
    return listed(notes, lambda note: is_open(note) and note.hold is not None)
