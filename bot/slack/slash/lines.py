"""What a line typed after `/koban` can mean."""

from datetime import date, time, timedelta
from enum import StrEnum

from workflows.domain.alert import Subject
from workflows.domain.model import Value

COVER_FORM = "cover @name until 18:00"
FIND_FORM = "find LINE ID"
OPEN_FORM = "open off_platform user:u_123 note"
PAUSE_FORM = "pause off_platform for 2h"
RESUME_FORM = "resume off_platform"
RELATED_FORM = "related user u_123"


class Which(StrEnum):
    """Which part of the queue."""

    ALL = "all"
    MINE = "mine"
    OVERDUE = "overdue"
    APPROVALS = "approvals"


class Window(StrEnum):
    """Which time the numbers are of."""

    DAY = "24h"
    WEEK = "7d"


class Help(Value):
    """`help`, or nothing at all."""


class ShowCase(Value):
    """`case ID`."""

    case: str


class ShowSubject(Value):
    """`user ID`, `listing ID` …"""

    subject: Subject


class ShowRelated(Value):
    """`related TYPE ID`, from the `first` one on."""

    subject: Subject
    first: int = 0


class ShowQueue(Value):
    """`queue [mine|overdue|approvals]`."""

    which: Which


class Find(Value):
    """`find TEXT`, from the `first` case on."""

    text: str
    first: int = 0


class ShowPlaybook(Value):
    """`playbook [NAME]`: one as it was typed, or all of them."""

    name: str | None = None


class OpenCase(Value):
    """`open KIND SUBJECT [note]`, as it was typed: what exists is found out by its desk."""

    kind: str
    subject: str
    note: str = ""


class PauseAutomation(Value):
    """`pause [PLAYBOOK] [for 2h]`."""

    playbook: str | None = None
    lasts: timedelta | None = None


class ResumeAutomation(Value):
    """`resume [PLAYBOOK]`."""

    playbook: str | None = None


class ShowStats(Value):
    """`stats [24h|7d]`."""

    window: Window = Window.DAY


class ShowOnCall(Value):
    """`oncall`."""


class LetCover(Value):
    """`cover @person until 18:00`; without a day the next such time."""

    person: str
    day: date | None = None
    at: time


class ShowCovers(Value):
    """`cover`."""


class EndCovers(Value):
    """`cover end`: what I gave; `cover end @person`: what that person gives or has."""

    person: str | None = None


class Unknown(Value):
    """Anything else; `nearest` is what may have been meant, ready to be typed."""

    typed: str
    nearest: str | None = None


class Incomplete(Value):
    """A known command with an id missing or impossible; `form` shows how it is written.

    `wants_time`: what can't be read is a person or a time rather than an id; `wants_words`: it is
    something else.
    """

    form: str
    wants_time: bool = False
    wants_words: bool = False


CoverLine = LetCover | ShowCovers | EndCovers
TeamLine = ShowStats | ShowOnCall
Told = (
    ShowCase
    | ShowSubject
    | ShowRelated
    | ShowQueue
    | Find
    | ShowPlaybook
    | OpenCase
    | PauseAutomation
    | ResumeAutomation
    | TeamLine
    | CoverLine
)
"""What only somebody with a role is told."""
Line = Help | Told | Unknown | Incomplete
