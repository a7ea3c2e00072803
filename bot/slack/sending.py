"""A click on its way to its case: durable, or known not to be, before Slack's patience ends."""

import asyncio

from bot.services.slack import CaseDoor
from workflows.client import OutOfReach
from workflows.domain.commands import Click

PATIENCE = 2.0
"""Seconds; Slack shows an error after 3 s (docs.slack.dev, acknowledging requests)."""


async def store(cases: CaseDoor, route: str, click: Click) -> bool:
    """Whether the case has the click for good. False: it is out of reach, press again."""
    try:
        async with asyncio.timeout(PATIENCE):
            await cases.click(route, click)
    except (OutOfReach, TimeoutError):
        return False
    return True
