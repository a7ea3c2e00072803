"""Delivery of feedback: pauses of a day pass at once, and nothing is tried in between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import wait_until
from tests.conftest import a_server
from tests.stories.time_skipping import VALUES
from tests.workflows.domain.builders import T0
from workflows.activity_options import platform_queue, slack_queue
from workflows.client import FeedbackClient
from workflows.detector_workflow import FeedbackWorkflow
from workflows.domain.detection import DetectorState, Message
from workflows.domain.feedback import FeedbackRound
from workflows.domain.ids import feedback_workflow_id
from workflows.domain.people import Role
from workflows.ports.detectors import FeedbackAsk, FeedbackDone, OwnerMessage


class Receiver:
    """A receiver whose rounds fail until it is `up`, by the clock of the workflow."""

    def __init__(self) -> None:
        self.up = True
        self.waiting = 1
        self.refused = False
        self.asked: list[datetime] = []
        self.told: list[OwnerMessage] = []
        self.message: OwnerMessage | None = None
        self.slack = True

    async def is_empty(self) -> bool:
        """Whether everything but the refused message was delivered."""
        return self.waiting == 0

    @activity.defn(name="message_owner")
    async def message_owner(self, message: OwnerMessage) -> None:
        """Takes a message to the owner, while Slack answers."""
        if not self.slack:
            raise RuntimeError("Slack is away")
        self.told.append(message)

    @activity.defn(name="send_feedback")
    async def send_feedback(self, ask: FeedbackAsk) -> FeedbackDone:
        """Delivers everything, or fails; one `refused` message is tried after the others."""
        self.asked.append(ask.at)
        if self.refused:
            done, self.waiting = self.waiting, 0
            return FeedbackDone(round=FeedbackRound(delivered=done, failed=True, next_at=ask.at))
        if not self.up:
            message, self.message = self.message, None
            failed = FeedbackRound(failed=True, next_at=ask.at)
            return FeedbackDone(round=failed, message=message)
        done, self.waiting = self.waiting, 0
        return FeedbackDone(round=FeedbackRound(delivered=done))


class Delivery:
    """The delivery to one detector, and its clock."""

    def __init__(self, client: Client, skipper: TimeSkipper, receiver: Receiver) -> None:
        self.receiver, self._skipper, self._client = receiver, skipper, client
        self.detector = f"chat-{uuid4().hex[:8]}"
        self.feedback = FeedbackClient(client, "q", rpc_timeout=timedelta(seconds=60))

    @property
    def handle(self) -> WorkflowHandle[object, object]:
        """The workflow."""
        return self._client.get_workflow_handle(feedback_workflow_id(self.detector))

    async def asked(self, times: int) -> None:
        """Waits for so many rounds."""

        async def enough() -> bool:
            return len(self.receiver.asked) >= times

        await wait_until(enough, what=f"{times} rounds")

    async def passes(self, **time: float) -> None:
        """Advances the clock."""
        await self._skipper.fast_forward(self.handle, timedelta(**time))

    async def ended(self) -> bool:
        """Whether the workflow is over."""
        return (await self.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


@asynccontextmanager
async def delivering(folder: Path, *more: str) -> AsyncIterator[Delivery]:
    """A worker on a server whose clocks can be advanced; `more` are values of the server."""
    async with a_server(folder, *VALUES, *more) as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        receiver = Receiver()
        async with (
            Worker(
                client,
                task_queue="q",
                workflows=[FeedbackWorkflow],
                workflow_runner=GuardedRunner(),
            ),
            Worker(client, task_queue=platform_queue("q"), activities=[receiver.send_feedback]),
            Worker(client, task_queue=slack_queue("q"), activities=[receiver.message_owner]),
        ):
            yield Delivery(client, skipper, receiver)


async def test_a_delivery_ends_once_nothing_waits(tmp_path: Path) -> None:
    """The next verdict starts it again."""
    async with delivering(tmp_path) as delivery:
        for times in (1, 2):
            await delivery.feedback.begin(delivery.detector)
            await delivery.asked(times)
            await wait_until(delivery.ended, what="the end")
        assert len(delivery.receiver.asked) == 2


async def test_a_receiver_that_is_down_for_a_day_gets_everything_once_it_is_back(
    tmp_path: Path,
) -> None:
    """Pauses grow to hours; a new verdict is one more attempt, and shortens none of them."""
    async with delivering(tmp_path) as delivery:
        receiver = delivery.receiver
        receiver.up = False
        await delivery.feedback.begin(delivery.detector)
        await delivery.asked(1)
        await delivery.feedback.begin(delivery.detector)
        await delivery.passes(hours=24)
        await delivery.asked(14)
        pauses = [later - earlier for earlier, later in pairwise(receiver.asked)]
        longest = timedelta(hours=4)
        expected = [min(timedelta(seconds=10) * 2**number, longest) for number in range(13)]
        assert all(pause >= least for pause, least in zip(pauses, expected, strict=False))
        assert all(pause >= longest for pause in pauses[13:])
        receiver.up = True
        await delivery.passes(hours=4)
        await wait_until(delivery.ended, what="the end")
        assert receiver.waiting == 0


async def test_a_person_ends_a_pause(tmp_path: Path) -> None:
    """The clock does not move: the next attempt is made at once."""
    async with delivering(tmp_path) as delivery:
        delivery.receiver.up = False
        await delivery.feedback.begin(delivery.detector)
        await delivery.asked(1)
        delivery.receiver.up = True
        await delivery.feedback.begin(delivery.detector, at_once=True)
        await wait_until(delivery.ended, what="the end")
        assert len(delivery.receiver.asked) == 2


async def test_a_delivery_that_runs_is_left_alone(tmp_path: Path) -> None:
    """The look every minute starts it only where its start was lost."""
    async with delivering(tmp_path) as delivery:
        delivery.receiver.up = False
        await delivery.feedback.ensure(delivery.detector)
        await delivery.asked(1)
        for _ in range(5):
            await delivery.feedback.ensure(delivery.detector)
        history = await delivery.handle.fetch_history()
        signals = [
            each
            for each in history.events
            if each.HasField("workflow_execution_signaled_event_attributes")
        ]
        assert signals == []


async def test_a_message_that_is_always_refused_holds_up_no_other(tmp_path: Path) -> None:
    """After a day of failures a second verdict arrives within a minute."""
    async with delivering(tmp_path) as delivery:
        receiver = delivery.receiver
        receiver.refused, receiver.waiting = True, 0
        await delivery.feedback.begin(delivery.detector)
        await delivery.asked(1)
        await delivery.passes(hours=24)
        await delivery.asked(14)
        assert len(receiver.asked) < 25
        for _ in range(3):
            receiver.waiting = 1
            await delivery.feedback.begin(delivery.detector)
            await delivery.passes(minutes=1)
            await wait_until(receiver.is_empty, what="the second verdict")


async def test_a_new_history_waits_for_no_message_to_the_owner(tmp_path: Path) -> None:
    """Slack is away for hours: deliveries go on, and the message follows."""
    short = "limit.historyCount.suggestContinueAsNew=30"
    async with delivering(tmp_path, short) as delivery:
        receiver = delivery.receiver
        receiver.up = receiver.slack = False
        receiver.message = OwnerMessage(
            key="chat/undelivered/2026-11-23",
            at=T0,
            message=Message.UNDELIVERED,
            detector=delivery.detector,
            title=None,
            owner=Role.LEAD,
            state=DetectorState(detector=delivery.detector),
            count=1,
        )
        await delivery.feedback.begin(delivery.detector)
        first = (await delivery.handle.describe()).run_id

        async def followed() -> bool:
            await delivery.feedback.begin(delivery.detector, at_once=True)
            return (await delivery.handle.describe()).run_id != first

        await wait_until(followed, what="a new history")
        tried = len(receiver.asked)
        await delivery.feedback.begin(delivery.detector, at_once=True)
        await delivery.asked(tried + 1)
        assert receiver.told == []
        receiver.slack = receiver.up = True

        async def told() -> bool:
            return bool(receiver.told)

        await wait_until(told, what="the message")
        await delivery.feedback.begin(delivery.detector, at_once=True)
        await wait_until(delivery.ended, what="the end")
        # An attempt of the old history may end as well: a key is posted once.
        assert {each.key for each in receiver.told} == {"chat/undelivered/2026-11-23"}
