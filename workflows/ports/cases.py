"""Ports of cases and enforcements: signatures and payloads of their activities.

The implementations are in `activities/` under the same names; a test compares the signatures.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from temporalio import activity

from workflows.domain.alerts import Alert, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import Silence
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.commands import Absorb, Click, Grant, MissCall, Modal, Place
from workflows.domain.case.decision import KOBAN, PlannedAction
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport, Problem, Proof
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.projection import ActionRow, CaseRow
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, ReceivedAlert, Refused
from workflows.domain.case.view import CardView
from workflows.domain.people import Cover, Role
from workflows.domain.policy.limits import Exposed, Full
from workflows.domain.policy.matching import AlertRecord, RecordFacts
from workflows.domain.policy.playbook import PackedPolicy
from workflows.domain.policy.strictness import Strictness
from workflows.domain.values import Text, Value


class LedgerWrite(Value):
    """Events of one case in order, and its current rows if no further events wait.

    `owner_key` is unique to the case and guards its row. `alerts` joined while the ledger was
    unreachable. A closed case is woken up from `snapshot`, whose policy is stored once a version.
    """

    case: str
    owner_key: str
    events: tuple[Recorded, ...] = ()
    row: CaseRow | None = None
    actions: tuple[ActionRow, ...] = ()
    alerts: tuple[ReceivedAlert, ...] = ()
    card: CardRef | None = None
    snapshot: CaseSnapshot | None = None


class SilenceAsk(Value):
    """Asks whether an alert is silenced: its content, and its record for that."""

    rule: Silence
    content: str
    record: AlertRecord


class OpenCase(Value):
    """First alert of a case. `event` and `row` lack the case's id and the subject's history.

    `key` is unique to the case. An open case of the group takes the alert, unless it is `after`,
    which returned it. `automation` asks for the pauses of automation. With `silence` the alert may
    open no case. With `facts` neither, while its detector is snoozed.
    """

    key: str
    event: CaseOpened
    row: CaseRow
    alert: Alert
    after: str = ""
    automation: bool = False
    silence: SilenceAsk | None = None
    facts: RecordFacts | None = None


class OpenedCase(Value):
    """The opening in the ledger; without `event` if no case was opened.

    Then the ledger had the alert, or `joins` is the reopened case that takes it. In `silenced`
    people cleared what it shows, in `snoozed` they snoozed its detector.
    """

    event: CaseOpened | None = None
    joins: str = ""
    silenced: str = ""
    snoozed: str = ""
    pauses: tuple[AutomationPause, ...] = ()


class ClaimAlerts(Value):
    """Alerts that are to join a case. `at` is unique to the claim within the case.

    `automation` asks for the pauses of automation as well. `facts` are those of each alert, by the
    `playbook` of the case: one whose detector is snoozed is recorded with them, and does not join.
    """

    case: str
    at: datetime
    alerts: tuple[Alert, ...]
    automation: bool = False
    playbook: str = ""
    policy_version: str = ""
    facts: tuple[RecordFacts, ...] = ()


class ClaimedAlerts(Value):
    """Keys of the alerts that another case has, or whose detectors are snoozed, and the pauses."""

    known: tuple[str, ...] = ()
    snoozed: tuple[str, ...] = ()
    pauses: tuple[AutomationPause, ...] = ()


class Show(Value):
    """State that a case's cards and thread should show.

    `background`: no person waits for it. It may be late, and then shows the state by that time.
    `unsure_since` is when a write began that was cancelled, and may have posted. `refused` is what
    Slack refused last: a background write tries that until Slack takes it. `only_update`: a card
    that is gone, or that Slack does not let Koban change, is left alone.
    """

    view: CardView
    card: CardRef | None
    approval_card: CardRef | None
    lines: tuple[Recorded, ...] = ()
    background: bool = False
    unsure_since: datetime | None = None
    refused: Refused = Refused()
    only_update: bool = False


class Shown(Value):
    """State that Slack shows: the case as of `version`, and the thread up to event `through`.

    Both may be later than requested, and are None from older versions of Koban. `card` is None
    while Slack refuses the first one.
    """

    card: CardRef | None
    approval_card: CardRef | None
    version: int | None = None
    through: int | None = None
    refused: Refused = Refused()


class Answer(Value):
    """Refusal of a command, for its person only.

    `title` and `card` are the case's, if known; `typed` is the person's text, which is otherwise
    lost with its modal.
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
    """Direct message about an event to `people`, and to those of a `role` if given.

    `view` is the case at that time, `card` its card. `key` makes a second delivery harmless. With
    `instead` it replaces a call in the thread, and the role's channel gets one as well.
    """

    key: str
    view: CardView
    line: Recorded
    card: CardRef | None
    people: tuple[str, ...] = ()
    role: Role | None = None
    instead: bool = False


class Told(Value):
    """People who have the message, those whom Slack refuses, and whether the role's channel has it.

    `missed` is empty where a role has no members.
    """

    reached: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    role_channel: bool = False


class Direction(StrEnum):
    """Make a change, or undo it."""

    DO = "do"
    UNDO = "undo"


class ProofRequest(Value):
    """Actions of a decision to sign; `proof` is the same for all, without time and signature."""

    case: str
    decision: str
    actions: tuple[PlannedAction, ...]
    proof: Proof


class Order(Value):
    """One change at the platform. `actor` is the responsible person; None is Koban itself.

    Method and path are those of the policy that the `proof` names.

    `life` counts how often it was made again after an undo: each has its own idempotency key.
    `unsure` marks an undo of a change that may not have been made. `began` is the start of its
    enforcement. `detectors` sent the alerts of what Koban does by itself.
    """

    case: str
    decision: str
    planned: PlannedAction
    proof: Proof
    direction: Direction = Direction.DO
    actor: str | None = None
    until: datetime | None = None
    life: int = 1
    unsure: bool = False
    began: datetime | None = None
    detectors: tuple[str, ...] = ()

    @property
    def automatic(self) -> bool:
        """Whether Koban makes the change by itself, as its signed proof says."""
        return self.direction is Direction.DO and self.proof.by in (None, KOBAN)


class Result(Value):
    """Result of a change, DONE if it is to be read back; `would` is the request of a dry run.

    SKIPPED: a pause of automation stopped it. With `unsure` an earlier attempt may have made it.
    """

    status: ActionStatus
    problem: Problem | None = None
    would: str = ""
    unsure: bool = False


class CasePlace(Value):
    """Case by id: its subject, its group's workflow id, its playbook, and whether it is `open`."""

    subject: Subject
    workflow_id: str
    playbook: str = ""
    open: bool = True


class RolesAsk(Value):
    """Role lookup of a person; for one who `approves` without a cache."""

    person: str
    approves: bool = False


class CurrentPolicy(Value):
    """A playbook whose current strictness is wanted unless its version is `known`."""

    playbook: str
    known: str


class ApproversAsk(Value):
    """Roles whose members are counted, except the people in `barred`."""

    roles: tuple[Role, ...]
    barred: tuple[str, ...] = ()


class LimitAlert(Value):
    """A reached limit that the leads are alerted to; `key` makes a second delivery harmless."""

    key: str
    limit: Full
    case: str | None = None


class BreakerAlert(Value):
    """A breaker that tripped, for the playbook's `channel`, or for the `leads`.

    `key` makes a second delivery harmless. `action` is the title of the paused action. A channel of
    the leads that is among the `channels` has the message already.
    """

    key: str
    pause: AutomationPause
    playbook: Text
    action: Text
    channel: str
    channels: tuple[str, ...] = ()
    leads: bool = False
    case: str | None = None


class RevealRequest(Value):
    """One piece of evidence that a person wants to see. Their quota counts looks `since` a time.

    With `most` the ledger books it only if the quota is not used up.
    """

    person: str
    case: str
    alert: str
    item: int
    at: datetime
    since: datetime
    most: int | None = None


class ShowEvidence(Value):
    """A piece of evidence for its loading modal, or the refusal to show there."""

    person: str
    place: Place
    case: str
    version: int
    alert: str
    item: int
    modal: Modal
    refusal: Refusal | None = None


class NextCase(Value):
    """The next case of a group: alerts of a case that is closed again open it."""

    workflow_id: str
    policy: PackedPolicy


class Delivery(Value):
    """Message to another case: one that is closed, absorbs this one, or was reopened.

    `workflow_id` is where that case last ran; a closed case is woken up. `wake` has no content:
    the case has something left to do under its own id. `alerts` are for a reopened case; with
    `next_case` they go back to its group. `missed` is a call of the case itself.
    """

    case: str
    workflow_id: str = ""
    click: Click | None = None
    report: EnforcementReport | None = None
    absorb: Absorb | None = None
    answer: AppealAnswer | None = None
    missed: MissCall | None = None
    wake: bool = False
    alerts: tuple[Alert, ...] = ()
    next_case: NextCase | None = None


class CasePort(Protocol):
    """Activities of cases and enforcements."""

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Writes the opening of a case under a new id; idempotent."""

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Stores alerts with their case; idempotent."""

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Appends events and updates the case's rows; idempotent."""

    @activity.defn(name="load_case")
    async def load_case(self, case: str) -> CaseSnapshot | None:
        """Returns the snapshot of a closed case, or None if the ledger has none."""

    @activity.defn(name="outcome")
    async def outcome(self, enforcement: str) -> EnforcementReport | None:
        """Returns the last report of an enforcement, if any; retryable error while it runs."""

    @activity.defn(name="roles_of")
    async def roles_of(self, wanted: RolesAsk) -> Grant:
        """Returns a person's roles as of a time. Raises `ApplicationError` if nothing has them."""

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Updates card, approval card and thread; posts nothing twice."""

    @activity.defn(name="answer")
    async def answer(self, wanted: Answer) -> None:
        """Posts a refusal as an ephemeral message."""

    @activity.defn(name="tell")
    async def tell(self, wanted: Tell) -> Told:
        """Sends a direct message to each person, once."""

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        """Returns the roles that a person covers for somebody else now."""

    @activity.defn(name="automation_pauses")
    async def automation_pauses(self, case: str) -> tuple[AutomationPause, ...]:
        """Returns the current pauses of automation, for a case."""

    @activity.defn(name="place_of")
    async def place_of(self, case: str) -> CasePlace | None:
        """Returns a case's subject and workflow id, or None if there is no such case."""

    @activity.defn(name="policy_now")
    async def policy_now(self, playbook: str) -> PackedPolicy | None:
        """Returns a playbook with the current actions, or None if it was removed."""

    @activity.defn(name="strictness_now")
    async def strictness_now(self, wanted: CurrentPolicy) -> Strictness | None:
        """Returns the strictness of the current policy, or None if its version is known."""

    @activity.defn(name="approvers_of")
    async def approvers_of(self, wanted: ApproversAsk) -> dict[Role, int]:
        """Returns how many people of each role can approve; retryable error without Slack."""

    @activity.defn(name="book")
    async def book(self, booking: Booking) -> Booked:
        """Books uses and actions, once a key, unless a limit, a pause or a breaker prevents it."""

    @activity.defn(name="alert_leads")
    async def alert_leads(self, wanted: LimitAlert) -> None:
        """Posts a reached limit in the leads' channel, else to each of them; once."""

    @activity.defn(name="breaker_channels")
    async def breaker_channels(self, pause: AutomationPause) -> tuple[str, ...]:
        """Returns the channels of the playbooks that a tripped breaker concerns."""

    @activity.defn(name="announce_breaker")
    async def announce_breaker(self, wanted: BreakerAlert) -> None:
        """Posts a tripped breaker in the playbook's channel, or to the leads; once."""

    @activity.defn(name="dry_run")
    async def dry_run(self, order: Order) -> Result:
        """Returns the request that `carry_out` would send; sends nothing."""

    @activity.defn(name="prove")
    async def prove(self, wanted: ProofRequest) -> tuple[Proof, ...]:
        """Signs the actions of a decision for its case, in order."""

    @activity.defn(name="carry_out")
    async def carry_out(self, order: Order) -> Result:
        """Makes or undoes a change and reads it back; a retryable error has a `Problem`."""

    @activity.defn(name="read_back")
    async def read_back(self, order: Order) -> Result:
        """Reads a change back: VERIFIED or DRIFTED; retryable error if it can't be read."""

    @activity.defn(name="deliver")
    async def deliver(self, delivery: Delivery) -> None:
        """Wakes a closed case up with a delivery."""

    @activity.defn(name="expose")
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """Books a look at a piece of evidence, once within the time; returns piece and quota."""

    @activity.defn(name="show_evidence")
    async def show_evidence(self, wanted: ShowEvidence) -> None:
        """Updates the modal unless it was closed; retryable error without ledger or Slack."""
