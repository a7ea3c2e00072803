"""Days and weeks in seconds: the real server, with a clock for each workflow."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from deploy.sandbox.temporal import temporal_binary
from tests.world import World, koban

_VALUES = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="50ms"',
)


class Calendar:
    """A world in which days can be turned over, a workflow at a time."""

    def __init__(self, world: World, env: WorkflowEnvironment) -> None:
        self.world = world
        self._env = env

    async def passes(self, route: str, **time: float) -> None:
        """Turns a workflow's clock on; everything that is due by then happens.

        The server skips no time while a child of the workflow runs.
        """
        handle = self.world.client.get_workflow_handle(route)
        await self._env.fast_forward(handle, timedelta(**time))


@asynccontextmanager
async def calendar(folder: Path) -> AsyncIterator[Calendar]:
    """The older time-skipping server has one clock for all, and can't skip a month."""
    env = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=temporal_binary(),
        dev_server_log_level="error",
        dev_server_extra_args=[each for v in _VALUES for each in ("--dynamic-config-value", v)],
    )
    address = env.client.service_client.config.target_host
    async with env, koban(address, folder, namespace="default") as world:
        yield Calendar(world, env)
