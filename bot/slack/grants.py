"""Role grants: a press takes its person's roles along where they were read a moment ago."""

from collections.abc import Callable

from bot.slack.doors import AppealDoor, CaseDoor
from workflows.appealing.start import AppealMemory
from workflows.domain.appealing.commands import AppealClick
from workflows.domain.commands import Click, Grant
from workflows.domain.memory import Memory

Granted = Callable[[str], Grant | None]
"""A person's roles as they were last read; None where they are not known. Asks nobody."""


class GrantedCases:
    """`CaseDoor` that adds what is known of a person's roles: the case asks for them otherwise."""

    def __init__(self, cases: CaseDoor, granted: Granted) -> None:
        self._cases = cases
        self._granted = granted

    async def click(self, route: str, click: Click) -> None:
        """Stores a click for good. Raises `workflows.client.OutOfReach`."""
        grant = self._granted(click.command.by.id)
        await self._cases.click(route, click.model_copy(update={"grant": grant}))

    async def memory(self, route: str) -> Memory | None:
        """The running case at `route`, or None. Raises `workflows.client.OutOfReach`."""
        return await self._cases.memory(route)


class GrantedAppeals:
    """`AppealDoor` that does the same for reviewers."""

    def __init__(self, appeals: AppealDoor, granted: Granted) -> None:
        self._appeals = appeals
        self._granted = granted

    async def click(self, click: AppealClick) -> bool:
        """Stores a click for good; False where its appeal is over."""
        grant = self._granted(click.command.by.id)
        return await self._appeals.click(click.model_copy(update={"grant": grant}))

    async def memory(self, appeal: str) -> AppealMemory | None:
        """An open appeal, or None."""
        return await self._appeals.memory(appeal)
