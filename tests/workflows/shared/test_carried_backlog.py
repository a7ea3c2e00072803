"""The ledger writer inside a workflow that begins a new history while the ledger is away."""

from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.workflows.domain.builders import SATO, T0
from tests.world import fresh_namespace
from workflows.activity_options import execute
from workflows.domain.case import events as ev
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.ports import cases
from workflows.ports.cases import LedgerWrite
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.tasks import Tasks

CLAIMED = ev.Recorded(seq=2, event=ev.CaseClaimed(at=T0, by=SATO.id))


@workflow.defn
class PutDown:
    """Puts its writer down while the first write waits for the ledger, and goes on after all."""

    def __init__(self) -> None:
        self._begun: list[str] = []

    @workflow.run
    async def run(self, rows_only: bool) -> list[str]:
        """What each write brought."""
        tasks = Tasks()
        writer: LedgerWriter[ev.Recorded] = LedgerWriter(tasks, self._write)
        if rows_only:
            writer.touch()
        else:
            writer.add([CLAIMED])
        await workflow.wait_condition(lambda: bool(self._begun))
        await writer.pause()
        writer.resume()
        await workflow.wait_condition(lambda: not tasks)
        tasks.raise_failure()
        return self._begun

    async def _write(
        self, events: tuple[ev.Recorded, ...], alerts: tuple[ReceivedAlert, ...], whole: bool
    ) -> None:
        self._begun.append(f"{len(events)} events, rows: {whole}")
        if len(self._begun) == 1:  # nobody works on activities
            write = LedgerWrite(case="K7Q2F9XM0", owner_key="k", events=events)
            await execute(cases.record, write)


@pytest.mark.parametrize(
    ("rows_only", "written"),
    [
        (False, ["1 events, rows: True"] * 2),
        (True, ["0 events, rows: True"] * 2),
    ],
    ids=["events", "only rows"],
)
async def test_a_write_that_was_called_off_is_written_after_all(
    temporal: str, rows_only: bool, written: list[str]
) -> None:
    """The new history could not begin, and the old one goes on with the same write."""
    client = await Client.connect(
        temporal, namespace=await fresh_namespace(temporal), data_converter=pydantic_data_converter
    )
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="writing", workflows=[PutDown], workflow_runner=runner):
        done = await client.execute_workflow(
            PutDown.run, rows_only, id=uuid4().hex, task_queue="writing"
        )
    assert done == written
