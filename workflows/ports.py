"""What the workflows ask of the world: the signatures of the activities.

The bodies live in `activities/` under the same names; a test compares the signatures.
"""

from datetime import datetime
from enum import StrEnum

from temporalio import activity

from workflows.domain.alert import Alert
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.case_state import Case
from workflows.domain.commands import Click, Place
from workflows.domain.decision import PlannedAction
from workflows.domain.enforcement import ActionStatus, EnforcementReport, Problem
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.model import Value
from workflows.domain.people import Role
from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.refusal import Refusal
from workflows.domain.view import CardView


class Entry(Value):
    """What the ledger writes in one go: events with their alerts, and the case's row.

    `owner_key` is unique to the case's first run: a row of the same id with another key means
    that the id is taken. `snapshot` is written where present and wakes a closed case up again.
    Where every alert of an opening entry is known in another case, nothing is written.
    """

    case: Case
    owner_key: str
    events: tuple[Recorded, ...]
    alerts: tuple[Alert, ...] = ()
    snapshot: Memory | None = None
    card: CardRef | None = None


class Written(Value):
    """What the ledger found: the id is taken (nothing was written), or alerts known elsewhere."""

    id_taken: bool = False
    known_alerts: tuple[str, ...] = ()


class Show(Value):
    """Everything that should be on the screen for a case now."""

    view: CardView
    card: CardRef | None
    approval_card: CardRef | None
    lines: tuple[Recorded, ...] = ()


class Shown(Value):
    """Where it stands now."""

    card: CardRef
    approval_card: CardRef | None


class Answer(Value):
    """Tells one person, and nobody else, that their command was refused."""

    person: str
    place: Place
    case: str
    refusal: Refusal
    command: str


class Direction(StrEnum):
    """Make a change, or take it back."""

    DO = "do"
    UNDO = "undo"


class Order(Value):
    """One change at the platform. `actor` answers for it; None stands for Koban itself."""

    case: str
    decision: str
    planned: PlannedAction
    spec: ActionSpec
    direction: Direction = Direction.DO
    actor: str | None = None
    until: datetime | None = None


class Result(Value):
    """How it ended: DONE (read it back), VERIFIED, DRIFTED, FAILED, or UNDONE."""

    status: ActionStatus
    problem: Problem | None = None


class Delivery(Value):
    """Something for a case that is closed by now, and has to be woken up."""

    case: str
    click: Click | None = None
    report: EnforcementReport | None = None
    answer: AppealAnswer | None = None


@activity.defn(name="record")
async def record(entry: Entry) -> Written:
    """Writes events, alerts and the case's row; the same entry twice changes nothing."""
    raise RuntimeError("a port has no body")


@activity.defn(name="load_case")
async def load_case(case: str) -> Memory | None:
    """The snapshot of a closed case, or None where the ledger has none."""
    raise RuntimeError("a port has no body")


@activity.defn(name="roles_of")
async def roles_of(person: str) -> tuple[Role, ...]:
    """The roles that a person holds now.

    Raises:
        ApplicationError: where neither Slack nor the configuration can tell.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="show")
async def show(wanted: Show) -> Shown:
    """Brings card, approval card and thread up to date; nothing is posted twice."""
    raise RuntimeError("a port has no body")


@activity.defn(name="answer")
async def answer(wanted: Answer) -> None:
    """Posts a refusal that only its person sees."""
    raise RuntimeError("a port has no body")


@activity.defn(name="carry_out")
async def carry_out(order: Order) -> Result:
    """Makes (or takes back) one change and reads it back once.

    Raises:
        ApplicationError: retryable, with a `Problem` as its detail.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="read_back")
async def read_back(order: Order) -> Result:
    """Reads a change back: VERIFIED or DRIFTED.

    Raises:
        ApplicationError: retryable, where the platform can't be read.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="deliver")
async def deliver(delivery: Delivery) -> None:
    """Wakes a closed case up with what arrived for it."""
    raise RuntimeError("a port has no body")
