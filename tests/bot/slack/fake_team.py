"""Team in memory: given figures and shifts, chosen languages."""

from dataclasses import dataclass, field
from datetime import datetime

from activities.errors import Unavailable
from bot.services.team import OnCall
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.policy.bands import Trial
from workflows.domain.values import Language, Text


@dataclass
class FakeTeam:
    """`counted` are the figures of any period; `asked` has the periods; `away` refuses calls."""

    counted: Numbers | None = None
    duty: OnCall = field(default_factory=lambda: OnCall(roster=False))
    chosen: dict[str, Language | None] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    away: bool = False

    async def trial(self, playbook: str, until: datetime) -> Trial:
        """A trial without alerts."""
        return Trial(playbook=playbook)

    async def numbers(self, since: datetime, until: datetime) -> Numbers:
        self._reach()
        self.asked.append((since, until))
        counted = self.counted or Numbers(since=since, until=until)
        return counted.model_copy(update={"since": since, "until": until})

    async def on_call(self, now: datetime) -> OnCall:
        self._reach()
        return self.duty

    def titles(self) -> dict[str, Text]:
        return {"off_platform": Text(ja="外部誘導", en="Off-platform inducement")}

    async def language(self, person: str) -> Language | None:
        return self.chosen.get(person)

    async def choose_language(self, person: str, language: Language | None, now: datetime) -> None:
        self._reach()
        self.chosen[person] = language

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("the ledger does not answer")
