"""Ledger writer in a workflow that continues as new while the ledger is unreachable."""

from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.environment import fresh_namespace
from tests.workflows.domain.builders import SATO, T0
from workflows.activity_options import execute
from workflows.domain.case import events as ev
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.ports.cases import CasePort, LedgerWrite
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.tasks import Tasks

CLAIMED = ev.Recorded(seq=2, event=ev.CaseClaimed(at=T0, by=SATO.id))


@workflow.defn
class Paused:
    """Pauses its writer during the first write, and resumes it."""

    def __init__(self) -> None:
        self._writes: list[str] = []

    @workflow.run
    async def run(self, rows_only: bool) -> list[str]:
        """Returns a description of each write."""
        tasks = Tasks()
        writer: LedgerWriter[ev.Recorded] = LedgerWriter(tasks, self._write)
        if rows_only:
            writer.touch()
        else:
            writer.add([CLAIMED])
        await workflow.wait_condition(lambda: bool(self._writes))
        await writer.pause()
        writer.resume()
        await workflow.wait_condition(lambda: not tasks)
        tasks.raise_failure()
        return self._writes

    async def _write(
        self, events: tuple[ev.Recorded, ...], alerts: tuple[ReceivedAlert, ...], whole: bool
    ) -> None:
        self._writes.append(f"{len(events)} events, rows: {whole}")
        if len(self._writes) == 1:  # no worker runs activities
            write = LedgerWrite(case="K7Q2F9XM0", owner_key="k", events=events)
            await execute(CasePort.record, write)


@pytest.mark.parametrize(
    ("rows_only", "written"),
    [
        (False, ["1 events, rows: True"] * 2),
        (True, ["0 events, rows: True"] * 2),
    ],
    ids=["events", "only rows"],
)
async def test_a_cancelled_write_is_repeated(
    temporal: str, rows_only: bool, written: list[str]
) -> None:
    """The new history could not start, and the old one repeats the write."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="writing", workflows=[Paused], workflow_runner=runner):
        done = await client.execute_workflow(
            Paused.run, rows_only, id=uuid4().hex, task_queue="writing"
        )
    assert done == written
