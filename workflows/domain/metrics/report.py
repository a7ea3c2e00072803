"""A picture of the numbers as data: what stands on it, in words that its reader knows."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Language, Text, Value


class Bars(Value):
    """Two bars beside each other for each label; labels may be empty, to leave room."""

    title: str
    labels: tuple[str, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    first_name: str
    second_name: str


class ShareRow(Value):
    """One bar from 0 to 100 %: its three parts as counts, and what stands at its end."""

    label: str
    met: int
    missed: int
    overdue: int
    said: str

    @property
    def of(self) -> int:
        """All of them."""
        return self.met + self.missed + self.overdue


class Shares(Value):
    """How much was in time, a bar a row; `nothing` stands there instead where there is none."""

    title: str
    rows: tuple[ShareRow, ...]
    met: str
    missed: str
    overdue: str
    nothing: str


class Chart(Value):
    """The whole picture. `alt` says in words what it shows."""

    title: str
    bars: Bars
    shares: Shares
    alt: str

    @property
    def words(self) -> str:
        """Every word on it, to see whether a font has all of the letters."""
        return "".join(
            (
                self.title,
                self.bars.title,
                *self.bars.labels,
                self.bars.first_name,
                self.bars.second_name,
                self.shares.title,
                self.shares.met,
                self.shares.missed,
                self.shares.overdue,
                self.shares.nothing,
                *(each for row in self.shares.rows for each in (row.label, row.said)),
            )
        )


MOST_LISTED = 10
"""Of each list; a message is to be read in half a minute."""
SOON = timedelta(hours=4)
"""Protections that end by then are told: somebody has to confirm them, or they are lifted."""
DAY = timedelta(hours=24)
"""What a daily digest looks back on."""


class ReportKind(StrEnum):
    """Which report: the digest of a day, or what a shift hands over."""

    DAILY = "daily"
    SHIFT = "shift"


class CaseNote(Value):
    """A case in a report. `due` is when its present step runs out; None where nothing is due."""

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
    """A protection that ends soon. `action` is its title, or its name where that is gone."""

    case: str
    title: Text
    severity: Severity
    action: Text
    until: datetime
    card: CardRef | None = None


class Cases(Value):
    """Some cases of a list, the worst first; `count` are in it."""

    count: int = 0
    shown: tuple[CaseNote, ...] = ()


class Team(Value):
    """A shift and its people; where only a whole `role` is known to work it, nobody is named."""

    title: Text
    starts: datetime
    ends: datetime
    people: tuple[str, ...] = ()
    role: Role | None = None
    leads: tuple[str, ...] = ()


class Report(Value):
    """Everything that one report tells. `key` names it for good, `at` is when it was gathered."""

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
    """Those that are chosen, the worst first, then what is due soonest."""
    found = [note for note in notes if chosen(note)]
    found.sort(key=lambda note: (note.severity.rank, note.due is None, note.due, note.id))
    return Cases(count=len(found), shown=tuple(found[:MOST_LISTED]))


def is_open(note: CaseNote) -> bool:
    """Whether it is not closed; a closed one is only told where its undo waits."""
    return note.phase is not Phase.CLOSED


def handed_over(notes: Iterable[CaseNote], people: Sequence[str]) -> Cases:
    """The open cases that these people have."""
    return listed(notes, lambda note: is_open(note) and note.owner in people)


def overdue(notes: Iterable[CaseNote], now: datetime) -> Cases:
    """The open cases whose present step should be over."""
    return listed(notes, lambda note: is_open(note) and note.due is not None and note.due < now)


def waiting(notes: Iterable[CaseNote]) -> Cases:
    """The cases that wait for an approval, of a decision, a review or an undo."""
    return listed(notes, lambda note: note.waits)


def held(notes: Iterable[CaseNote]) -> Cases:
    """The open cases that were put off, or wait for information."""
    return listed(notes, lambda note: is_open(note) and note.hold is not None)
