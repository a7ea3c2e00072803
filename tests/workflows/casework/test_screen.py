"""What a case writes to Slack, and what a person's press makes of a write that waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from bot.worker import sandbox
from deploy.sandbox.slack.person import wait_until
from tests.domain.building import POLICY, SATO, an_alert
from tests.world import fresh_namespace
from workflows.case import CaseWorkflow
from workflows.client import Cases
from workflows.domain import commands as cmd
from workflows.domain.alert import Subject
from workflows.domain.known import Known
from workflows.domain.memory import CardRef
from workflows.domain.people import Cover, Role
from workflows.ports import Entry, Show, Shown, Written
from workflows.queues import cards_queue, slack_queue, updates_queue, worst_queue

CANCEL_REQUESTED = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
CARD = CardRef(channel="C0LIVE", ts="1.0")
QUEUE = "koban"


@dataclass
class Office:
    """The world around one case: a ledger that takes everything, and Slack as the test wants it."""

    client: Client
    entries: list[Entry] = field(default_factory=list)
    shown: list[tuple[str, Show]] = field(default_factory=list)
    fails: asyncio.Event | None = None

    @activity.defn(name="record")
    async def record(self, entry: Entry) -> Written:
        self.entries.append(entry)
        return Written(stands=entry.events)

    @activity.defn(name="known_of")
    async def known_of(self, subject: Subject, case: str) -> Known:
        return Known()

    @activity.defn(name="roles_of")
    async def roles_of(self, person: str) -> tuple[Role, ...]:
        return (Role.SPECIALIST,)

    @activity.defn(name="covers_of")
    async def covers_of(self, person: str) -> tuple[Cover, ...]:
        return ()

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Remembers on which queue it was asked for what; in the background it may fail."""
        self.shown.append((activity.info().task_queue, wanted))
        if self.fails is not None and wanted.background:
            await self.fails.wait()
            raise ApplicationError("Slack: unreachable")
        return Shown(
            card=wanted.card or CARD,
            approval_card=None,
            version=wanted.view.version,
            through=max((line.seq for line in wanted.lines), default=None),
        )

    def worker(self, queue: str) -> Worker:
        """Shows what waits in a queue."""
        return Worker(self.client, task_queue=queue, activities=[self.show])

    async def alert(self, number: int, score: float = 0.5) -> WorkflowHandle:
        """One alert on u_123."""
        route = await Cases(self.client, QUEUE).accept(
            an_alert(number, score=score), POLICY, ("user:u_123",)
        )
        return self.client.get_workflow_handle(route)

    async def claim(self, handle: WorkflowHandle) -> None:
        """A person takes the case."""
        memory = await Cases(self.client, QUEUE).memory(handle.id)
        assert memory is not None
        assert memory.case is not None
        place = cmd.Place(channel="C0LIVE")
        click = cmd.Click(
            id=uuid4().hex, case=memory.case.id, command=cmd.Claim(by=SATO), place=place
        )
        await Cases(self.client, QUEUE).click(handle.id, click)

    async def wait_shown(self, number: int) -> list[tuple[str, Show]]:
        """Everything that was shown, once there is so much of it."""
        await wait_until(lambda: len(self.shown) >= number, 20, what=f"{number} writes")
        return self.shown


@pytest.fixture
async def office(temporal: str) -> AsyncIterator[Office]:
    """A case's own worker runs; those of Slack's queues are up to the test."""
    namespace = await fresh_namespace(temporal)
    client = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter
    )
    made = Office(client)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[CaseWorkflow],
        activities=[made.record, made.known_of, made.roles_of, made.covers_of],
        workflow_runner=sandbox(),
    ):
        yield made


async def test_a_new_card_and_its_updates_wait_apart_from_people(office: Office) -> None:
    """Each kind of write has a queue of its own, and what a person did has none of theirs."""
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        handle = await office.alert(1)
        await office.wait_shown(1)
        await office.alert(2)
        await office.wait_shown(2)
        await office.claim(handle)
        shown = await office.wait_shown(3)
    assert [(queue, show.background) for queue, show in shown] == [
        ("koban-slack-cards", True),
        ("koban-slack-updates", True),
        ("koban-slack", False),
    ]


async def test_a_new_critical_card_does_not_wait_for_a_milder_one_to_leave(office: Office) -> None:
    """It has a queue with places of its own."""
    async with office.worker(worst_queue(QUEUE)):
        await office.alert(1, score=0.99)
        [(queue, show)] = await office.wait_shown(1)
    assert (queue, show.background, show.card) == ("koban-slack-worst", True, None)


async def test_a_press_calls_off_the_write_that_waits(office: Office) -> None:
    """Its own write is not behind anything, looks for what may have been posted, and shows all."""
    handle = await office.alert(1)
    async with office.worker(slack_queue(QUEUE)):
        await wait_until(lambda: _is_open(office, handle), 20, what="an open case")
        await office.claim(handle)
        [(queue, show)] = await office.wait_shown(1)
    assert queue == "koban-slack"
    assert show.view.owner == "U0SATO"
    assert show.card is None
    assert show.unsure_since is not None
    # Whoever worked off the cards by now would find the write that was called off.
    async with office.worker(cards_queue(QUEUE)), office.worker(updates_queue(QUEUE)):
        _, (queue, line) = await office.wait_shown(2)
    assert (queue, line.card) == ("koban-slack-updates", CARD)
    assert [each.event.kind for each in line.lines] == ["case_claimed"]


async def test_a_write_that_fails_as_it_is_called_off_may_have_posted(office: Office) -> None:
    """The person's write follows at once, and looks for the card before it posts another."""
    office.fails = asyncio.Event()
    async with office.worker(cards_queue(QUEUE)), office.worker(slack_queue(QUEUE)):
        handle = await office.alert(1)
        await office.wait_shown(1)
        await office.claim(handle)
        await wait_until(lambda: _is_called_off(handle), 20, what="a write that is called off")
        office.fails.set()
        _, (queue, show) = await office.wait_shown(2)
    assert (queue, show.background, show.view.owner) == ("koban-slack", False, "U0SATO")
    assert show.unsure_since is not None


async def test_while_a_card_waits_alerts_are_written_down_in_handfuls(office: Office) -> None:
    """Twenty alerts one after another are a few entries, and none of them is lost."""
    handle = await office.alert(1)
    await wait_until(lambda: _is_open(office, handle), 20, what="an open case")
    for number in range(2, 7):
        await office.alert(number)
        await asyncio.sleep(0)
    await wait_until(lambda: _alerts(office) == 6, 20, what="six alerts")
    before = len(office.entries)
    for number in range(7, 27):
        await office.alert(number)
    await wait_until(lambda: _alerts(office) == 26, 20, what="all of them")
    assert len(office.entries) - before <= 4


async def test_what_is_worse_does_not_linger(office: Office) -> None:
    """A critical alert is decided at once, together with whatever waited."""
    handle = await office.alert(1)
    await wait_until(lambda: _is_open(office, handle), 20, what="an open case")
    for number in range(2, 9):
        await office.alert(number)
    worse = an_alert(99, score=0.99)
    await Cases(office.client, QUEUE).accept(worse, POLICY, ("user:u_123",))

    def is_critical() -> bool:
        return any(entry.case.severity == "critical" for entry in office.entries)

    await wait_until(is_critical, 4, what="a critical case")


def _alerts(office: Office) -> int:
    return sum(len(entry.alerts) for entry in office.entries)


async def _is_called_off(handle: WorkflowHandle) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(each.state == CANCEL_REQUESTED for each in pending)


async def _is_open(office: Office, handle: WorkflowHandle) -> bool:
    memory = await Cases(office.client, QUEUE).memory(handle.id)
    return memory is not None and memory.case is not None
