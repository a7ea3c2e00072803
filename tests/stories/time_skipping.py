"""Adjustable clocks: a real server on which each workflow's time can be advanced."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from tests.conftest import a_server
from tests.environment import Environment, koban

VALUES = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="50ms"',
)


class TimeSkipping:
    """An environment whose workflows' clocks can be advanced one by one."""

    def __init__(self, env: Environment, skipper: TimeSkipper) -> None:
        self.env = env
        self._skipper = skipper

    async def passes(self, workflow_id: str, **time: float) -> None:
        """Advances a workflow's clock; timers that are due fire.

        The server skips no time while a child of the workflow runs.
        """
        handle = self.env.client.get_workflow_handle(workflow_id)
        await self._skipper.fast_forward(handle, timedelta(**time))


@asynccontextmanager
async def time_skipping(folder: Path) -> AsyncIterator[TimeSkipping]:
    """An environment on a server of its own.

    The older time-skipping server has one clock for all workflows, and can't skip a month.
    """
    async with (
        a_server(folder, *VALUES) as address,
        koban(address, folder, namespace="default") as env,
    ):
        off = TimeSkippingConfig(enabled=False)
        yield TimeSkipping(env, TimeSkipper(await Client.connect(address), config=off))
