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
from workflows.activity_options import platform_queue
from workflows.client import FeedbackClient
from workflows.detector_workflow import FeedbackWorkflow
from workflows.domain.feedback import FeedbackRound
from workflows.domain.ids import feedback_workflow_id
from workflows.ports.detectors import FeedbackAsk, FeedbackDone


class Receiver:
    """A receiver whose rounds fail until it is `up`, by the clock of the workflow."""

    def __init__(self) -> None:
        self.up = True
        self.waiting = 1
        self.asked: list[datetime] = []

    @activity.defn(name="send_feedback")
    async def send_feedback(self, ask: FeedbackAsk) -> FeedbackDone:
        """Delivers everything, or fails."""
        self.asked.append(ask.at)
        if not self.up:
            return FeedbackDone(round=FeedbackRound(failed=True, next_at=ask.at))
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
async def delivering(folder: Path) -> AsyncIterator[Delivery]:
    """A worker on a server whose clocks can be advanced."""
    async with a_server(folder, *VALUES) as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        receiver = Receiver()
        activities = [receiver.send_feedback]
        async with (
            Worker(
                client,
                task_queue="q",
                workflows=[FeedbackWorkflow],
                workflow_runner=GuardedRunner(),
            ),
            Worker(client, task_queue=platform_queue("q"), activities=activities),
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
    """Pauses grow to hours; new verdicts do not shorten them."""
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
