"""Team: its numbers, who is on shift, and the language that each person chose."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo

from pydantic import Field
from sqlalchemy.exc import DBAPIError

from activities.cache import Cache, CacheMiss
from activities.ledger.database import LedgerError
from activities.ledger.statistics import Statistics
from activities.ledger.team import ActiveCover, Covers, Preferences
from activities.slack.directory import Directory, RolesUnknown
from bot.policies import Policies
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.policy.roster import ShiftTurn, next_after, on_at, zone_of
from workflows.domain.values import Language, Text, Value

LASTS = 10.0
"""Seconds; a choice counts at once in the process that heard it, and here after that."""
PATIENCE = 0.2
"""Seconds that a slow ledger is waited for, where the person's last known language counts."""
FIRST = 1.0
"""The same where nothing is known: a later answer is better than one in the wrong language."""
FAILURES = (LedgerError, DBAPIError)
"""While a ledger comes back, its tables may not be there yet."""


class LanguagePreferences:
    """A cache over the ledger. While that is away or slow, what was known counts."""

    def __init__(
        self, preferences: Preferences, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preferences = preferences
        lasts = timedelta(seconds=LASTS)
        self._kept = Cache("preferences", self._ask, lasts, FAILURES, clock=clock)

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack. Never raises."""
        try:
            return await self._kept.get(person, patience=PATIENCE, first=FIRST)
        except CacheMiss:
            return None

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """From now on the person reads `language`. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._kept.put(person, language)

    async def _ask(self, person: str) -> Language | None:
        return await self._preferences.language(person)


class Duty(Value):
    """A turn with everybody who works it; None where Slack does not say who that is."""

    turn: ShiftTurn
    people: tuple[str, ...] | None
    leads: tuple[str, ...] | None


class OnCall(Value):
    """Who is on shift, who comes next, and who covers for whom.

    Without a `roster`, `holders` are those who hold the working roles.
    """

    roster: bool
    now: tuple[Duty, ...] = ()
    next: tuple[Duty, ...] = ()
    covers: tuple[ActiveCover, ...] = ()
    holders: dict[Role, tuple[str, ...] | None] = Field(default_factory=dict)


class TeamService:
    """The team: over ledger, roster and Slack's groups. Raises `LedgerUnavailable`."""

    def __init__(
        self,
        policies: Policies,
        people: Directory,
        statistics: Statistics,
        covers: Covers,
        preferred: LanguagePreferences,
        zone: tzinfo,
    ) -> None:
        """`zone` is the deployment's, for a roster without one of its own."""
        self._policies = policies
        self._people = people
        self._statistics = statistics
        self._covers = covers
        self._preferred = preferred
        self._zone = zone

    async def numbers(self, since: datetime, until: datetime) -> Numbers:
        """The numbers of [since, until)."""
        return await self._statistics.numbers(since, until)

    async def on_call(self, now: datetime) -> OnCall:
        """Who is on shift now, and who is next."""
        covers = await self._covers.all(now)
        roster = self._policies.roster()
        if roster is None:
            holders = {role: await self._members(role) for role in sorted(WORKING_ROLES)}
            return OnCall(roster=False, covers=covers, holders=holders)
        zone = zone_of(roster, self._zone)
        return OnCall(
            roster=True,
            now=await self._duties(on_at(roster, zone, now)),
            next=await self._duties(next_after(roster, zone, now)),
            covers=covers,
        )

    def titles(self) -> dict[str, Text]:
        """The titles of the playbooks, by their names."""
        return self._policies.titles()

    async def language(self, person: str) -> Language | None:
        """The language that a person chose."""
        return await self._preferred.language(person)

    async def choose_language(self, person: str, language: Language | None, now: datetime) -> None:
        """From now on the person reads `language`."""
        await self._preferred.choose(person, language, now)

    async def _duties(self, turns: Sequence[ShiftTurn]) -> tuple[Duty, ...]:
        return tuple([await self._duty(turn) for turn in turns])

    async def _duty(self, turn: ShiftTurn) -> Duty:
        people = turn.people or await self._members(turn.role or Role.SPECIALIST)
        return Duty(turn=turn, people=people, leads=turn.leads or await self._members(Role.LEAD))

    async def _members(self, role: Role) -> tuple[str, ...] | None:
        try:
            return await self._people.members(role)
        except RolesUnknown:
            return None
