"""What the workflows ask of the world: the signatures of the activities.

The bodies live in `activities/` under the same names; a test compares the signatures.
"""

from datetime import datetime
from enum import StrEnum

from temporalio import activity

from workflows.domain.alerts import Alert, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.commands import Absorb, Click, Grant, Place
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport, Problem
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.projection import ActionRow, CaseRow
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, ReceivedAlert
from workflows.domain.case.view import CardView
from workflows.domain.people import Cover, Role
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.packed import PackedPolicy
from workflows.domain.values import Text, Value


class LedgerWrite(Value):
    """Events of one case in their order, and where they bring it up to date its rows.

    `owner_key` is unique to the case and guards its row. `alerts` joined while the ledger was away.
    `snapshot` wakes a closed case up again; its policy is stored once a version.
    """

    case: str
    owner_key: str
    events: tuple[Recorded, ...] = ()
    row: CaseRow | None = None
    actions: tuple[ActionRow, ...] = ()
    alerts: tuple[ReceivedAlert, ...] = ()
    card: CardRef | None = None
    snapshot: CaseSnapshot | None = None


class OpenCase(Value):
    """The first alert of a case. `event` and `row` lack the case's id and the subject's history.

    `key` is unique to the case. The case may open although a case of the same group is open that
    gave its alerts back (`after`). `automation` asks whether Koban may act by itself.
    """

    key: str
    event: CaseOpened
    row: CaseRow
    alert: Alert
    after: str = ""
    automation: bool = False


class OpenedCase(Value):
    """The opening as the ledger has it: `event` is absent where no case was opened.

    Then the alert was known before, or `joins` names the reopened case that takes it.
    """

    event: CaseOpened | None = None
    joins: str = ""
    pause: AutomationPause | None = None


class ClaimAlerts(Value):
    """Alerts that are about to join a case. `at` is unique to the claim within the case.

    With a `playbook` it is asked as well whether Koban may act by itself in its cases.
    """

    case: str
    at: datetime
    alerts: tuple[Alert, ...]
    playbook: str | None = None


class ClaimedAlerts(Value):
    """The keys of alerts that some case had before, and what keeps Koban from acting by itself."""

    known: tuple[str, ...] = ()
    pause: AutomationPause | None = None


class Show(Value):
    """Everything that should be on the screen for a case now.

    `background`: nobody waits for it. It may be late, and then shows what is true by that time.
    With `unsure_since` a write that began then was called off, and may have come through.
    """

    view: CardView
    card: CardRef | None
    approval_card: CardRef | None
    lines: tuple[Recorded, ...] = ()
    background: bool = False
    unsure_since: datetime | None = None


class Shown(Value):
    """Where it stands now: the case as of `version`, and in the thread all events up to `through`.

    They may be later than what was asked for, and are None where an older Koban did not say.
    """

    card: CardRef
    approval_card: CardRef | None
    version: int | None = None
    through: int | None = None


class Answer(Value):
    """Tells one person, and nobody else, that their command was refused.

    `title` and `card` are the case's, where they are known; `typed` is what the person wrote, which
    is gone with the modal that they wrote it in.
    """

    person: str
    place: Place
    case: str
    refusal: Refusal
    command: str
    title: Text | None = None
    card: CardRef | None = None
    typed: str = ""


class Tell(Value):
    """Tells people of an event by direct message: those named, and where given those of a role.

    `view` is the case as it stood then, `card` where it stands in Slack. `key` makes a second
    delivery harmless.
    """

    key: str
    view: CardView
    line: Recorded
    card: CardRef | None
    people: tuple[str, ...] = ()
    role: Role | None = None


class Direction(StrEnum):
    """Make a change, or take it back."""

    DO = "do"
    UNDO = "undo"


class Order(Value):
    """One change at the platform. `actor` answers for it; None stands for Koban itself.

    `life` counts how often it is made anew after it was taken back: each has a key of its own.
    `unsure` marks an undo of something that may never have been made.
    """

    case: str
    decision: str
    planned: PlannedAction
    spec: ActionSpec
    direction: Direction = Direction.DO
    actor: str | None = None
    until: datetime | None = None
    life: int = 1
    unsure: bool = False


class Result(Value):
    """How it ended: DONE (read it back), VERIFIED, DRIFTED, FAILED, UNDONE, or REHEARSED.

    `would` is the request that was only rehearsed.
    """

    status: ActionStatus
    problem: Problem | None = None
    would: str = ""


class CasePlace(Value):
    """A case: its subject, its group's workflow id, its playbook, and whether it is `open`."""

    subject: Subject
    workflow_id: str
    playbook: str = ""
    open: bool = True


class RolesAsk(Value):
    """Whose roles are wanted. Who `approves` is looked up at Slack, and not in a cache."""

    person: str
    approves: bool = False


class Spending(Value):
    """So many actions of a person, booked under a key; counted are those `since` then."""

    key: str
    person: str
    actions: int
    at: datetime
    since: datetime


class Anew(Value):
    """Alerts came for a case that had closed again: they open the next one of its group."""

    workflow_id: str
    policy: PackedPolicy


class Delivery(Value):
    """Something for another case: one that is closed by now, one that absorbs, or was reopened.

    `route` is where that case was seen running; where it is over, it is woken up. `wake` brings
    nothing else: the case has something left to do, and its place is needed. `alerts` are for a
    case that was reopened; with `anew` it gives them back to its group.
    """

    case: str
    workflow_id: str = ""
    click: Click | None = None
    report: EnforcementReport | None = None
    absorb: Absorb | None = None
    answer: AppealAnswer | None = None
    wake: bool = False
    alerts: tuple[Alert, ...] = ()
    anew: Anew | None = None


@activity.defn(name="open_case")
async def open_case(wanted: OpenCase) -> OpenedCase:
    """Writes the opening of a case under an id of its own; a second attempt finds the first."""
    raise RuntimeError("a port has no body")


@activity.defn(name="claim_alerts")
async def claim_alerts(claim: ClaimAlerts) -> ClaimedAlerts:
    """Stores alerts with their case; a second attempt finds the first."""
    raise RuntimeError("a port has no body")


@activity.defn(name="record")
async def record(write: LedgerWrite) -> None:
    """Appends events and updates the case's rows; the same write twice changes nothing."""
    raise RuntimeError("a port has no body")


@activity.defn(name="load_case")
async def load_case(case: str) -> CaseSnapshot | None:
    """The snapshot of a closed case, or None where the ledger has none."""
    raise RuntimeError("a port has no body")


@activity.defn(name="outcome")
async def outcome(enforcement: str) -> EnforcementReport | None:
    """How an enforcement, by its workflow id, ended; None where nothing of it can be told.

    Raises:
        ApplicationError: while it runs; it is asked again.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="roles_of")
async def roles_of(wanted: RolesAsk) -> Grant:
    """The roles that a person holds, and when they were read.

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


@activity.defn(name="tell")
async def tell(wanted: Tell) -> None:
    """Sends a direct message to each of the people, once."""
    raise RuntimeError("a port has no body")


@activity.defn(name="covers_of")
async def covers_of(person: str) -> tuple[Cover, ...]:
    """The roles that a person holds now in somebody else's stead."""
    raise RuntimeError("a port has no body")


@activity.defn(name="automation_of")
async def automation_of(playbook: str) -> AutomationPause | None:
    """What keeps Koban from acting by itself in cases of a playbook now."""
    raise RuntimeError("a port has no body")


@activity.defn(name="place_of")
async def place_of(case: str) -> CasePlace | None:
    """Whom a case is about and where it runs, or None where there is no such case."""
    raise RuntimeError("a port has no body")


@activity.defn(name="policy_now")
async def policy_now(playbook: str) -> PackedPolicy | None:
    """A playbook with the actions as they are now, or None where it is gone."""
    raise RuntimeError("a port has no body")


@activity.defn(name="spend")
async def spend(spending: Spending) -> int:
    """Books actions on a person's budget, and says how many they took within the time.

    The same key twice books once: what was asked for last.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="dry_run")
async def dry_run(order: Order) -> Result:
    """What `carry_out` would have asked the platform for; it can't reach it."""
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
