"""Tells the homes of every press that a case has got."""

from collections.abc import Callable

from bot.services.slack import AppealDoor, CaseDoor
from workflows.appealing.start import AppealMemory
from workflows.domain.appealing.commands import AppealClick
from workflows.domain.commands import Click
from workflows.domain.memory import Memory


class HeardCases:
    """`CaseDoor` that says when something was stored."""

    def __init__(self, cases: CaseDoor, stirred: Callable[[], None]) -> None:
        self._cases = cases
        self._stirred = stirred

    async def click(self, route: str, click: Click) -> None:
        """Stores a click for good. Raises `workflows.client.OutOfReach`."""
        await self._cases.click(route, click)
        self._stirred()

    async def memory(self, route: str) -> Memory | None:
        """The running case at `route`, or None. Raises `workflows.client.OutOfReach`."""
        return await self._cases.memory(route)


class HeardAppeals:
    """`AppealDoor` that says when something was stored."""

    def __init__(self, appeals: AppealDoor, stirred: Callable[[], None]) -> None:
        self._appeals = appeals
        self._stirred = stirred

    async def click(self, click: AppealClick) -> bool:
        """Stores a click for good; False where its appeal is over."""
        stored = await self._appeals.click(click)
        self._stirred()
        return stored

    async def memory(self, appeal: str) -> AppealMemory | None:
        """An open appeal, or None."""
        return await self._appeals.memory(appeal)
