"""What the cards have to do with a storm: they notice it first, and hand their calls over to it."""

from collections.abc import Iterable
from typing import Protocol

from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef
from workflows.domain.storm import Called, role_called
from workflows.domain.view import CardView


class StormDoor(Protocol):
    """The storms of all channels."""

    async def look(self, channel: str) -> None:
        """A new card waits in `channel`: is it one of too many? It never fails."""

    async def posted(self, case: str, card: CardRef) -> None:
        """A case's card stands: it does not wait any more. It never fails."""

    async def called(self, channel: str, call: Called) -> bool:
        """Whether a storm is going on in `channel`, and calls the role for this case too.

        Raises:
            OutOfReach: where Temporal does not answer; the activity is tried again.
        """


class NoStorms:
    """Nobody watches over storms."""

    async def look(self, channel: str) -> None:
        """Nothing happens."""

    async def posted(self, case: str, card: CardRef) -> None:
        """Nothing happens."""

    async def called(self, channel: str, call: Called) -> bool:
        """Each case calls for itself."""
        return False


async def handed_over(
    storms: StormDoor, view: CardView, lines: Iterable[Recorded]
) -> frozenset[int]:
    """Which of a thread's lines call nobody by themselves, because the storm's digest does.

    Each is handed over before its line is told, so that no call is lost; twice counts once.
    """
    quiet = set()
    for line in lines:
        role = role_called(line.event)
        if role is None:
            continue
        call = Called(case=view.id, seq=line.seq, role=role, severity=view.severity)
        if await storms.called(view.channel, call):
            quiet.add(line.seq)
    return frozenset(quiet)
