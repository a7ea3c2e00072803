"""Schedules in `koban work`: reports and retention, as the policy folder has them."""

import asyncio
from contextlib import AbstractAsyncContextManager

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from bot.policies import Policies
from bot.settings import Settings
from bot.tasks import in_background
from workflows.report.schedules import Planned, Schedules, planned, retention_schedule

CHECK_INTERVAL = 30.0
"""Seconds between two checks of the policy folder for changed schedules."""

log = structlog.get_logger()


def report_schedules(
    client: Client, policies: Policies, settings: Settings, interval: float = CHECK_INTERVAL
) -> AbstractAsyncContextManager[None]:
    """Keeps the Schedules of the policy while the block runs, checked every `interval` seconds."""
    schedules = Schedules(client, settings.temporal.task_queue)
    return in_background(_sync(schedules, policies, settings, interval))


async def _sync(
    schedules: Schedules, policies: Policies, settings: Settings, interval: float
) -> None:
    """Updates the Schedules when the policy has changed, or when Temporal was unreachable."""
    applied: tuple[Planned, ...] | None = None
    while True:
        reports = planned(policies.reports(), policies.roster(), settings.zone)
        wanted = (*reports, retention_schedule(policies.retention(), settings.zone))
        if wanted != applied:
            try:
                await schedules.keep(wanted)
                applied = wanted
                log.info("schedules_kept", schedules=[each.id for each in wanted])
            except RPCError as error:
                log.warning("schedules_not_kept", status=error.status.name)
        await asyncio.sleep(interval)
