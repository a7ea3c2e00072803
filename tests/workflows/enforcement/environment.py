"""Test environment of enforcements: a namespace, and a listener in place of the case."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from tests.environment import fresh_namespace
from workflows.activity_options import platform_queue
from workflows.domain.case.enforcement import EnforcementReport
from workflows.enforcement_workflow import EnforcementWorkflow


@workflow.defn
class Listener:
    """Workflow in place of the case, which collects reports."""

    def __init__(self) -> None:
        self._reports: list[EnforcementReport] = []

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """Receives a report."""
        self._reports.append(report)

    @workflow.query
    def reports(self) -> list[EnforcementReport]:
        """Returns all reports."""
        return self._reports

    @workflow.run
    async def run(self) -> None:
        """Listens until the test ends."""
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def enforcing(temporal: str, *platform: Callable[..., Any]) -> AsyncIterator[Client]:
    """Runs enforcements; `platform` are the activities of the platform."""
    namespace = await fresh_namespace(temporal)
    client = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter
    )
    async with (
        Worker(
            client,
            task_queue="koban",
            workflows=[EnforcementWorkflow, Listener],
            workflow_runner=GuardedRunner(),
        ),
        Worker(client, task_queue=platform_queue("koban"), activities=list(platform)),
    ):
        await client.start_workflow(Listener.run, id="case/x", task_queue="koban")
        yield client
