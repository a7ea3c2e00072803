"""A click on its way to its appeal: durable, or known not to be, before Slack's patience ends."""

import asyncio
from enum import StrEnum

from bot.services.slack import AppealDoor
from bot.slack.sending import PATIENCE
from workflows.client import OutOfReach
from workflows.domain.appealing.commands import AppealClick


class Stored(StrEnum):
    """What became of it: the appeal has it, is over, or is out of reach."""

    YES = "yes"
    OVER = "over"
    AWAY = "away"


async def store(appeals: AppealDoor, click: AppealClick) -> Stored:
    """Hands the click over, within Slack's patience."""
    try:
        async with asyncio.timeout(PATIENCE):
            return Stored.YES if await appeals.click(click) else Stored.OVER
    except (OutOfReach, TimeoutError):
        return Stored.AWAY
