"""Reports of `koban work`: their activities, and the schedules that begin them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.statistics import Statistics
from activities.report_gathering import ReportGathering
from activities.slack.directory import Directory
from bot.policies import Policies
from bot.settings import Settings
from workflows.report.schedules import Planned, Schedules, planned

LOOK = 30.0
"""Seconds between two looks at the policy folder."""

log = structlog.get_logger()


def gathering(
    database: Database, people: Directory, policies: Policies, settings: Settings
) -> ReportGathering:
    """What reads everything that a report tells."""
    return ReportGathering(
        Statistics(database), Queries(database), people, policies, settings.zone, _utc_now
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def keeping_schedules(
    client: Client, policies: Policies, settings: Settings
) -> AsyncIterator[None]:
    """For as long as the block lasts, there are the schedules that policy wants."""
    schedules = Schedules(client, settings.temporal.task_queue)
    keeping = asyncio.create_task(_keep(schedules, policies, settings))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _keep(schedules: Schedules, policies: Policies, settings: Settings) -> None:
    """Once at the start, then whenever policy wants others; again where Temporal is away."""
    kept: tuple[Planned, ...] | None = None
    while True:
        wanted = planned(policies.reports(), policies.roster(), settings.zone)
        if wanted != kept:
            try:
                await schedules.keep(wanted)
                kept = wanted
                log.info("schedules_kept", schedules=[each.id for each in wanted])
            except RPCError as error:
                log.warning("schedules_not_kept", status=error.status.name)
        await asyncio.sleep(LOOK)
