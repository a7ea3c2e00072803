"""Test environment of one case: its ledger, and Slack under the control of the test."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from tests.environment import fresh_namespace
from tests.timeouts import RPC_TIMEOUT, answered
from tests.workflows.domain.builders import POLICY, SATO, an_alert
from workflows.activity_options import UNSEALED_RESULT
from workflows.breaker_workflow import BreakerWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.client import Cases
from workflows.domain.alerts import Alert
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.commands import Grant
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    Proof,
)
from workflows.domain.case.events import Recorded
from workflows.domain.case.projection import ActionRow
from workflows.domain.case.snapshot import CardRef, CaseSnapshot, Refused
from workflows.domain.ids import case_id
from workflows.domain.people import Cover, Role
from workflows.domain.policy.limits import Full
from workflows.domain.policy.playbook import PackedPolicy, Policy, pack
from workflows.domain.policy.strictness import Strictness
from workflows.ports.cases import (
    Answer,
    ApproversAsk,
    BreakerAlert,
    CasePlace,
    ClaimAlerts,
    ClaimedAlerts,
    CurrentPolicy,
    Delivery,
    LedgerWrite,
    LimitAlert,
    OpenCase,
    OpenedCase,
    ProofRequest,
    RolesAsk,
    Show,
    Shown,
    Tell,
    Told,
)

CARD = CardRef(channel="C0LIVE", ts="1.0")
QUEUE = "koban"


@dataclass
class CaseEnvironment:
    """Ledger and Slack of one case, with everything that was written."""

    client: Client
    openings: list[OpenCase] = field(default_factory=list)
    claims: list[ClaimAlerts] = field(default_factory=list)
    writes: list[LedgerWrite] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    shown: list[tuple[str, Show]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)
    places: dict[str, CasePlace] = field(default_factory=dict)
    without_policy: bool = False
    roles: dict[str, tuple[Role, ...]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    covers: tuple[Cover, ...] = ()
    today: Strictness | None = None
    known: list[str] = field(default_factory=list)
    silenced: set[str] = field(default_factory=set)
    """Alerts whose content people cleared, which open no case."""
    forged: Counter[str] = field(default_factory=Counter)
    """Calls by activity whose results are still to be refused, as `bot.seal_guard` does."""
    able: dict[Role, int] = field(default_factory=lambda: {Role.LEAD: 2})
    fails: asyncio.Event | None = None
    thread_closed: bool = False
    channel_closed: bool = False
    told: list[Tell] = field(default_factory=list)
    full: Full | None = None
    bookings: list[Booking] = field(default_factory=list)
    booking_fails: bool = False
    during_booking: Callable[[], Awaitable[None]] | None = None
    alerted: list[LimitAlert] = field(default_factory=list)
    trips: AutomationPause | None = None
    """The pause of a breaker that bookings of its action trip."""
    pauses: tuple[AutomationPause, ...] = ()
    announced: list[BreakerAlert] = field(default_factory=list)
    concerned: tuple[str, ...] = ("ts-live",)
    """The channels of the playbooks that a tripped breaker concerns."""
    reached: Told = field(default_factory=lambda: Told(reached=("U0TANAKA",)))
    may_claim: asyncio.Event = field(default_factory=asyncio.Event)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)
    may_deliver: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_claim.set()
        self.may_write.set()
        self.may_deliver.set()

    def _forge(self, name: str) -> None:
        if self.forged[name] > 0:
            self.forged[name] -= 1
            raise ApplicationError("not sealed", type=UNSEALED_RESULT, non_retryable=True)

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        self.openings.append(wanted)
        self._forge("open_case")
        if wanted.alert.key in self.silenced:
            return OpenedCase(silenced="C-2026-1130-AAAAAAAA")
        event = wanted.event.model_copy(update={"case": case_id(wanted.key)})
        return OpenedCase(event=event)

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Records the claim, then waits for `may_claim`."""
        self.claims.append(claim)
        await self.may_claim.wait()
        return ClaimedAlerts()

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Records the write, then waits for `may_write`."""
        self.writes.append(write)
        await self.may_write.wait()

    @activity.defn(name="load_case")
    async def load_case(self, case: str) -> CaseSnapshot | None:
        """Returns the newest snapshot."""
        kept = (write.snapshot for write in reversed(self.writes) if write.case == case)
        found = next((each for each in kept if each is not None), None)
        if found is not None and self.without_policy:
            return found.model_copy(update={"policy": None})
        return found

    @activity.defn(name="place_of")
    async def place_of(self, case: str) -> CasePlace | None:
        """Returns the place set by the test."""
        return self.places.get(case)

    @activity.defn(name="deliver")
    async def deliver(self, delivery: Delivery) -> None:
        """Records the delivery, waits for `may_deliver`, then delivers it."""
        self.delivered.append(delivery)
        await self.may_deliver.wait()
        await self.cases.deliver(delivery)

    @activity.defn(name="roles_of")
    async def roles_of(self, wanted: RolesAsk) -> Grant:
        """Everybody is a specialist, except those in `roles`; unknown for those in `away`."""
        self.asked.append(wanted.person)
        if wanted.person in self.away:
            raise ApplicationError("Slack: unreachable")
        roles = self.roles.get(wanted.person, (Role.SPECIALIST,))
        return Grant(roles=roles, as_of=datetime.now(UTC))

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        return self.covers

    @activity.defn(name="strictness_now")
    async def strictness_now(self, wanted: CurrentPolicy) -> Strictness | None:
        """Records the known version."""
        self.known.append(wanted.known)
        self._forge("strictness_now")
        same = self.today is None or self.today.version == wanted.known
        return None if same else self.today

    @activity.defn(name="approvers_of")
    async def approvers_of(self, wanted: ApproversAsk) -> dict[Role, int]:
        return self.able

    @activity.defn(name="policy_now")
    async def policy_now(self, playbook: str) -> PackedPolicy | None:
        return pack(POLICY)

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Records the queue of each write; one in the background fails once `fails` is set."""
        self.shown.append((activity.info().task_queue, wanted))
        if self.fails is not None and wanted.background:
            await self.fails.wait()
            raise ApplicationError("Slack: unreachable")
        refused = self.thread_closed and bool(wanted.lines)
        if self.channel_closed and wanted.background and wanted.refused.card:
            raise ApplicationError("Slack: is_archived", next_retry_delay=timedelta(seconds=0.2))
        if self.channel_closed:
            return Shown(
                card=wanted.card,
                approval_card=None,
                version=wanted.view.version,
                refused=Refused(card=True),
            )
        return Shown(
            card=wanted.card or CARD,
            approval_card=None,
            version=wanted.view.version,
            through=None if refused else max((line.seq for line in wanted.lines), default=None),
            refused=Refused(thread=refused),
        )

    @activity.defn(name="prove")
    async def prove(self, wanted: ProofRequest) -> tuple[Proof, ...]:
        return tuple(wanted.proof for _ in wanted.actions)

    @activity.defn(name="tell")
    async def tell(self, wanted: Tell) -> Told:
        self.told.append(wanted)
        return self.reached

    @activity.defn(name="answer")
    async def answer(self, wanted: Answer) -> None:
        self.answers.append(wanted)

    @activity.defn(name="book")
    async def book(self, booking: Booking) -> Booked:
        """Records the booking, and refuses it while there is a `full` limit or a breaker trips."""
        self.bookings.append(booking)
        if self.booking_fails:
            raise ApplicationError("no answer", non_retryable=True)
        if self.during_booking is not None:
            await self.during_booking()
        counted = booking.counted.actions if booking.counted is not None else ()
        if self.trips is not None and self.trips.action in {each.action for each in counted}:
            return Booked(pause=self.trips)
        totals = {use.power: use.amount for use in booking.uses}
        return Booked(full=self.full) if self.full else Booked(totals=totals)

    @activity.defn(name="automation_pauses")
    async def automation_pauses(self, case: str) -> tuple[AutomationPause, ...]:
        return self.pauses

    @activity.defn(name="breaker_channels")
    async def breaker_channels(self, pause: AutomationPause) -> tuple[str, ...]:
        return self.concerned

    @activity.defn(name="announce_breaker")
    async def announce_breaker(self, wanted: BreakerAlert) -> None:
        self.announced.append(wanted)

    @activity.defn(name="alert_leads")
    async def alert_leads(self, wanted: LimitAlert) -> None:
        self.alerted.append(wanted)

    @property
    def ledger(self) -> list:
        """The activities on the case's own queue."""
        return [
            self.open_case,
            self.claim_alerts,
            self.record,
            self.load_case,
            self.place_of,
            self.deliver,
            self.roles_of,
            self.covers_of,
            self.policy_now,
            self.prove,
            self.strictness_now,
            self.approvers_of,
            self.book,
            self.automation_pauses,
            self.breaker_channels,
        ]

    @property
    def cases(self) -> Cases:
        return Cases(self.client, QUEUE, rpc_timeout=RPC_TIMEOUT)

    @property
    def events(self) -> list[Recorded]:
        """All events written, in order."""
        return [event for write in self.writes for event in write.events]

    def written_of(self, case: str) -> list[str]:
        """Returns the kinds of a case's events written, in order."""
        writes = (write for write in self.writes if write.case == case)
        return [each.event.kind for write in writes for each in write.events]

    def worker(self, queue: str) -> Worker:
        """Returns a worker for one of Slack's queues."""
        return Worker(
            self.client,
            task_queue=queue,
            activities=[
                *(self.show, self.answer, self.tell),
                *(self.alert_leads, self.announce_breaker),
            ],
        )

    async def alert(self, number: int, score: float = 0.5) -> WorkflowHandle:
        """Sends one alert about u_123."""
        return await self.alerts([an_alert(number, score=score)])

    async def alerts(self, alerts: Sequence[Alert], policy: Policy = POLICY) -> WorkflowHandle:
        """Sends alerts in one signal."""
        workflow_id = await self.cases.accept_all(alerts, policy, ("user:u_123",))
        return self.client.get_workflow_handle(workflow_id)

    async def claim(self, handle: WorkflowHandle, grant: cmd.Grant | None = None) -> None:
        """Claims the case as Sato."""
        await self.press(handle, cmd.Claim(by=SATO), grant)

    async def press(
        self, handle: WorkflowHandle, command: cmd.PersonCommand, grant: cmd.Grant | None = None
    ) -> None:
        """Presses a button on the current case."""
        memory = await answered(lambda: self.cases.memory(handle.id))
        assert memory is not None
        assert memory.case is not None
        await self.press_on(handle, memory.case.id, command, grant)

    async def press_on(
        self,
        handle: WorkflowHandle,
        case: str,
        command: cmd.PersonCommand,
        grant: cmd.Grant | None = None,
    ) -> None:
        """Presses a button on the card of a case that may have been replaced."""
        click = cmd.Click(
            id=uuid4().hex,
            case=case,
            command=command,
            place=cmd.Place(channel="C0LIVE"),
            grant=grant,
        )
        await self.cases.click(handle.id, click)

    async def news(self, case: str, status: ActionStatus) -> EnforcementReport:
        """Returns the platform's report on the last decision; nothing is carried out here."""

        def rows() -> list[ActionRow]:
            return [row for write in self.writes if write.case == case for row in write.actions]

        await wait_until(lambda: rows(), WAIT_SECONDS, what="a decision")
        planned = PlannedAction(action=rows()[-1].action, subject=rows()[-1].subject)
        action = ActionReport(action=planned.key, status=status)
        decision = rows()[-1].decision
        return EnforcementReport(id=uuid4().hex, case=case, decision=decision, actions=(action,))

    async def report(self, case: str, status: ActionStatus) -> None:
        """Delivers that report to the case by its id."""
        news = await self.news(case, status)
        await self.cases.deliver(Delivery(case=case, report=news))

    async def end(self, workflow_id: str) -> None:
        """Terminates a case's workflow."""
        handle = self.client.get_workflow_handle(workflow_id)
        with suppress(RPCError):
            await handle.terminate()

    async def wait_ended(self, workflow_id: str) -> None:
        """Waits for the end of a case's workflow."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self.client.get_workflow_handle(workflow_id).result()

    async def wait_shown(self, number: int) -> list[tuple[str, Show]]:
        """Waits for a number of writes to Slack, and returns them."""
        await wait_until(lambda: len(self.shown) >= number, what=f"{number} writes")
        return self.shown

    async def wait_open(self, handle: WorkflowHandle) -> None:
        """Waits for an open case."""

        async def is_open() -> bool:
            memory = await answered(lambda: self.cases.memory(handle.id))
            return memory is not None and memory.case is not None

        await wait_until(is_open, what="an open case")

    async def wait_event(self, kind: str) -> None:
        """Waits for an event of this kind in the ledger."""

        def is_written() -> bool:
            return any(each.event.kind == kind for each in self.events)

        await wait_until(is_written, what=kind)

    async def wait_counted(self, number: int) -> None:
        """Waits for a number of alerts in openings and claims."""

        def counted() -> bool:
            return len(self.openings) + sum(len(each.alerts) for each in self.claims) >= number

        await wait_until(counted, what=f"{number} alerts")


@asynccontextmanager
async def case_environment(temporal: str) -> AsyncIterator[CaseEnvironment]:
    """Runs the case's own worker; those of Slack's queues are started by the test."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    made = CaseEnvironment(client)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[CaseWorkflow, BreakerWorkflow],
        activities=made.ledger,
        workflow_runner=GuardedRunner(),
    ):
        yield made
