"""Enforcements at work in a namespace of their own, and somebody who hears what they tell."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from bot.query_guard import GuardedRunner
from tests.world import fresh_namespace
from workflows.activity_options import platform_queue
from workflows.domain.case.enforcement import EnforcementReport
from workflows.enforcement_workflow import EnforcementWorkflow


@workflow.defn
class Listener:
    """Stands where a case would: it hears what an enforcement tells."""

    def __init__(self) -> None:
        self._heard: list[EnforcementReport] = []

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """News."""
        self._heard.append(report)

    @workflow.query
    def heard(self) -> list[EnforcementReport]:
        """All of them."""
        return self._heard

    @workflow.run
    async def run(self) -> None:
        """Listens for as long as the test lasts."""
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def enforcing(temporal: str, *platform: Callable[..., Any]) -> AsyncIterator[Client]:
    """`platform` are the activities that stand for it."""
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
