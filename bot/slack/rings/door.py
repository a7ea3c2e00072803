"""What the listeners need of the other rooms for rings."""

from typing import Protocol

from activities.platform.related import Found
from workflows.domain.alert import Subject
from workflows.domain.enforcement import ActionStatus, Problem
from workflows.domain.model import Value
from workflows.domain.playbook.related import RelatedSpec
from workflows.domain.ring import Blast, Tally
from workflows.domain.text import Text


class Wanted(Value):
    """Whom somebody wants to decide for: as in `workflows.casework.ring_ports.RingAsk`."""

    type: str
    starts: dict[str, Subject]
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class DoneLine(Value):
    """What became of one action on one subject; `title` where it is still known."""

    name: str
    title: Text | None = None
    status: ActionStatus
    problem: Problem | None = None


class SubjectLine(Value):
    """One subject of a ring; without actions nothing was done to it yet."""

    subject: Subject
    done: tuple[DoneLine, ...] = ()


class RingPage(Value):
    """Some subjects of a ring, failed ones first. `first` counts from 0."""

    total: int
    first: int
    lines: tuple[SubjectLine, ...]


class RingDoor(Protocol):
    """Every call raises `bot.slack.doors.Unavailable` where its other end does not answer."""

    def sources(self) -> dict[str, RelatedSpec]:
        """The look-ups of platform.yaml, by their names."""

    async def count(self, name: str, start: Subject) -> int:
        """How many subjects a look-up finds."""

    async def gather(self, wanted: Wanted) -> Found:
        """The subjects, each once."""

    async def blast(self, found: Found) -> Blast:
        """What acting on all of them would touch."""

    async def progress(self, case: str) -> Tally | None:
        """How far the ring of a case's last decision is; None where that was about no ring."""

    async def page(self, case: str, first: int, size: int) -> RingPage | None:
        """Subjects of the ring of a case's last decision; None where there is none."""
