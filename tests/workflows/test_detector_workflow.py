"""Runs of SQL detectors: windows are divided, failures stop a run, the owner is messaged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from activities.detector_runs import DetectorActivities, FeedbackActivities
from activities.slack.activities import SlackActivities
from bot.workflow_guards import GuardedRunner
from tests.environment import fresh_namespace
from tests.workflows.domain.builders import minutes
from workflows.activity_options import detectors_queue, slack_queue
from workflows.detector_workflow import DetectorWorkflow, HeartbeatWorkflow
from workflows.domain.detection import (
    DetectorState,
    Message,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
)
from workflows.domain.people import Role
from workflows.ports.detectors import (
    DetectorPort,
    DetectorStart,
    HeartbeatStart,
    OwnerMessage,
    RunAsk,
    RunNote,
    WindowRun,
)


def message(kind: Message) -> OwnerMessage:
    """Returns a message to the leads."""
    return OwnerMessage(
        key=kind.value,
        at=minutes(0),
        message=kind,
        detector="shill",
        title=None,
        owner=Role.LEAD,
        state=DetectorState(detector="shill"),
    )


class Source:
    """A source with one row a minute that gives at most `most` rows; `broken` from a minute on."""

    def __init__(self, most: float = 10_000, broken: float = 10_000) -> None:
        self.most, self.broken = most, broken
        self.windows: list[Window] = []
        self.notes: list[RunNote] = []
        self.sent: list[Message] = []

    @activity.defn(name="plan_run")
    async def plan_run(self, ask: RunAsk) -> Window | None:
        """Returns the first hour."""
        return Window(since=minutes(0), until=minutes(60))

    @activity.defn(name="query_window")
    async def query_window(self, run: WindowRun) -> RunResult:
        """Returns a row for each minute, or the problem."""
        length = (run.window.until - run.window.since).total_seconds() / 60
        if run.window.until > minutes(self.broken):
            return RunResult(problem=RunProblem(kind=RunProblemKind.REFUSED, detail="gone"))
        if length > self.most:
            return RunResult(problem=RunProblem(kind=RunProblemKind.TOO_MANY))
        self.windows.append(run.window)
        return RunResult(rows=round(length), alerts=round(length))

    @activity.defn(name="note_run")
    async def note_run(self, note: RunNote) -> OwnerMessage | None:
        """Keeps the note; the owner gets a message about a problem."""
        self.notes.append(note)
        return message(Message.FAILING) if note.result.problem is not None else None

    @activity.defn(name="check_heartbeats")
    async def check_heartbeats(self, at: datetime) -> tuple[OwnerMessage, ...]:
        """Returns two messages."""
        return (message(Message.SILENT), message(Message.HEARD))

    @activity.defn(name="message_owner")
    async def message_owner(self, wanted: OwnerMessage) -> None:
        """Keeps the message."""
        self.sent.append(wanted.message)


@asynccontextmanager
async def working(temporal: str, source: Source) -> AsyncIterator[Client]:
    """A worker with this source."""
    client = await Client.connect(
        temporal,
        namespace=await fresh_namespace(temporal),
        data_converter=pydantic_data_converter,
    )
    lists = {"workflows": [DetectorWorkflow, HeartbeatWorkflow]}
    main = [source.plan_run, source.note_run, source.check_heartbeats]
    async with (
        Worker(client, task_queue="q", activities=main, workflow_runner=GuardedRunner(), **lists),
        Worker(client, task_queue=detectors_queue("q"), activities=[source.query_window]),
        Worker(client, task_queue=slack_queue("q"), activities=[source.message_owner]),
    ):
        yield client


async def ran(client: Client) -> RunResult:
    """Runs the detector once."""
    return await client.execute_workflow(
        DetectorWorkflow.run,
        DetectorStart(detector="shill"),
        id=f"detector/shill/{uuid4().hex}",
        task_queue="q",
    )


async def test_a_window_with_too_many_rows_is_divided(temporal: str) -> None:
    """Every row is read once, in the order of time."""
    source = Source(most=20)
    async with working(temporal, source) as client:
        result = await ran(client)
    assert (result.rows, result.problem) == (60, None)
    assert [w.since for w in source.windows] == [minutes(n) for n in (0, 15, 30, 45)]
    assert [n.window for n in source.notes] == source.windows


async def test_a_failure_ends_the_run_at_the_last_good_window(temporal: str) -> None:
    """Later windows wait: the watermark moves without a gap, and the owner is messaged."""
    source = Source(most=20, broken=31)
    async with working(temporal, source) as client:
        result = await ran(client)
    assert result.problem == RunProblem(kind=RunProblemKind.REFUSED, detail="gone")
    assert source.sent == [Message.FAILING]
    assert source.notes[-1].result.problem is not None
    good = [n.window.until for n in source.notes if n.result.problem is None]
    assert good == [w.until for w in source.windows]


async def test_every_due_message_about_heartbeats_is_sent(temporal: str) -> None:
    """One look a minute covers all detectors."""
    source = Source()
    async with working(temporal, source) as client:
        sent = await client.execute_workflow(
            HeartbeatWorkflow.run,
            HeartbeatStart(),
            id=f"heartbeats/{uuid4().hex}",
            task_queue="q",
        )
    assert (sent, source.sent) == (2, [Message.SILENT, Message.HEARD])


@pytest.mark.parametrize(
    ("room", "name"),
    [
        (DetectorActivities, "plan_run"),
        (DetectorActivities, "query_window"),
        (DetectorActivities, "note_run"),
        (DetectorActivities, "check_heartbeats"),
        (FeedbackActivities, "send_feedback"),
        (SlackActivities, "message_owner"),
    ],
)
def test_an_activity_has_the_name_of_its_port(room: type, name: str) -> None:
    """A worker would not find it otherwise."""
    found = [
        activity._Definition.must_from_callable(getattr(r, name)).name for r in (room, DetectorPort)
    ]
    assert found == [name, name]
