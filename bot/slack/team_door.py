"""What the listeners need to know of the team: numbers, who is on shift, what people chose."""

from datetime import datetime
from typing import Protocol

from pydantic import Field

from bot.slack.doors import Covering
from workflows.domain.model import Value
from workflows.domain.numbers.model import Numbers
from workflows.domain.people import Role
from workflows.domain.roster.turns import Turn
from workflows.domain.text import Language, Text


class Duty(Value):
    """A turn with everybody who works it; None where Slack does not say who that is."""

    turn: Turn
    people: tuple[str, ...] | None
    leads: tuple[str, ...] | None


class OnCall(Value):
    """Who is on shift, who comes next, and who covers for whom.

    Without a `roster`, `holders` are those who hold the working roles.
    """

    roster: bool
    now: tuple[Duty, ...] = ()
    next: tuple[Duty, ...] = ()
    covers: tuple[Covering, ...] = ()
    holders: dict[Role, tuple[str, ...] | None] = Field(default_factory=dict)


class TeamDoor(Protocol):
    """The team. Every call raises `Unavailable` where the ledger is away."""

    async def numbers(self, since: datetime, until: datetime) -> Numbers:
        """The numbers of [since, until)."""

    async def on_call(self, now: datetime) -> OnCall:
        """Who is on shift now, and who is next."""

    def titles(self) -> dict[str, Text]:
        """The titles of the playbooks, by their names."""

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack."""

    async def choose_language(self, person: str, language: Language | None, now: datetime) -> None:
        """From now on the person reads `language`; None: what Slack says."""
