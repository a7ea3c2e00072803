"""The ledger's emergency stop as the listeners use it."""

from datetime import datetime, timedelta

from activities.ledger.automation import Automation, Decide
from activities.ledger.errors import LedgerUnavailable
from bot.slack.doors import Unavailable
from workflows.domain import automation as rules
from workflows.domain.automation import AutomationChange, Standing, Unchanged
from workflows.domain.people import Actor


class LedgerAutomation:
    """`AutomationDoor` over the real ledger."""

    def __init__(self, automation: Automation) -> None:
        self._automation = automation

    async def standing(self, now: datetime) -> tuple[Standing, ...]:
        """The halts that stand."""
        try:
            return await self._automation.standing(now)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error

    async def pause(
        self, by: Actor, playbook: str | None, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Stops it."""
        return await self._change(lambda before: rules.pause(before, by, playbook, lasts, now))

    async def resume(
        self, by: Actor, playbook: str | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Asks to go on, or goes on."""
        return await self._change(lambda before: rules.resume(before, by, playbook, now))

    async def _change(self, decide: Decide) -> AutomationChange | Unchanged:
        try:
            return await self._automation.change(decide)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from error
