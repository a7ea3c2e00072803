"""Playing of a few alerts, with the events of automation."""

from collections import defaultdict
from collections.abc import Iterable

from activities.backtest.assessment import Assessor, read
from activities.backtest.people import StaffedPlayer
from activities.backtest.player import OpenCase, Player
from activities.policy.loader import PolicyFolder
from tests.activities.backtest.folders import Line
from workflows.domain.case import events as ev


class Stage:
    """A player of a folder, with `people` if there are any, and what it did."""

    def __init__(self, folder: PolicyFolder, people: int = 0, minutes: float = 5) -> None:
        policies = {name: folder.policy_for(name) for name in folder.playbooks}
        self.events: defaultdict[str, list[ev.Event]] = defaultdict(list)
        self.staffed = StaffedPlayer(policies, people or 1, minutes, self._note)
        self.player = self.staffed if people else Player(policies, self._note)
        self._assessor = Assessor(folder)

    def _note(self, case: OpenCase, happened: Iterable[ev.Event]) -> None:
        self.events[case.first] += happened

    def play(self, *lines: Line) -> list[tuple[str, ...]]:
        """Plays alerts; returns the names of the actions that each one started."""
        started = []
        for at, body, label in lines:
            alert = read(body)
            assert alert is not None
            placed = self._assessor.place(alert)
            assert placed is not None
            started.append(self.player.take(at, placed.assessed, placed.group, body, label))
        return started

    def kinds(self) -> list[list[str]]:
        """The kinds of the events of automation, by case."""
        return [[each.kind for each in events] for events in self.events.values() if events]
