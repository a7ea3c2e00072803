"""Team: statistics, shifts and language preferences."""

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
from bot.timeouts import PRODUCTION
from workflows.domain.people import WORKING_ROLES, Cover, Role
from workflows.domain.policy.roster import ShiftTurn, next_after, on_at, zone_of
from workflows.domain.values import Language, Value

FRESH_SECONDS = 10.0
"""Lifetime of a cached choice; the process that stored the choice uses it at once."""
STALE_TIMEOUT = 0.2
"""Seconds to wait for the ledger before an expired choice is used."""
FAILURES = (LedgerError, DBAPIError)
"""DBAPIError: while a ledger is being restored, its tables may be missing."""


class LanguagePreferences:
    """Cached language preferences; expired ones are used while the ledger does not answer."""

    def __init__(
        self,
        preferences: Preferences,
        clock: Callable[[], float] = time.monotonic,
        stale_timeout: float = STALE_TIMEOUT,
        first_timeout: float = PRODUCTION.language,
    ) -> None:
        self._preferences = preferences
        self._stale_timeout = stale_timeout
        self._first_timeout = first_timeout
        lasts = timedelta(seconds=FRESH_SECONDS)
        self._kept = Cache("preferences", preferences.language, lasts, FAILURES, clock=clock)

    async def language(self, person: str) -> Language | None:
        """Returns the language that a person chose; None for Slack's language. Never raises."""
        try:
            return await self._kept.get(
                person, patience=self._stale_timeout, first=self._first_timeout
            )
        except CacheMiss:
            return None

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """Stores a choice. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._kept.put(person, language)


class CurrentCovers:
    """Covers whose givers have the role; the others are as if they had ended.

    Reading raises `LedgerUnavailable`. While Slack does not return the roles of a giver, the cover
    is left out.
    """

    def __init__(self, covers: Covers, people: Directory) -> None:
        self._covers = covers
        self._people = people
        self.begin, self.end, self.end_around = covers.begin, covers.end, covers.end_around

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """The covers by `person`, by their end."""
        found = await self._covers.of(person, now)
        return tuple([each for each in found if await self._holds(each.person, each.role)])

    async def of_role(self, role: Role, now: datetime) -> tuple[tuple[str, str], ...]:
        """Pairs of cover and covered person for a role, the last to end first."""
        found = await self._covers.of_role(role, now)
        return tuple([each for each in found if await self._holds(each[1], role)])

    async def around(self, person: str, now: datetime) -> tuple[ActiveCover, ...]:
        """The covers by and for `person`."""
        return await self._in_force(await self._covers.around(person, now))

    async def all(self, now: datetime) -> tuple[ActiveCover, ...]:
        """All covers."""
        return await self._in_force(await self._covers.all(now))

    async def _in_force(self, covers: tuple[ActiveCover, ...]) -> tuple[ActiveCover, ...]:
        return tuple([each for each in covers if await self._holds(each.covers_for, each.role)])

    async def _holds(self, giver: str, role: Role) -> bool:
        try:
            return role in await self._people.roles(giver)
        except RolesUnknown:
            return False


class Duty(Value):
    """A shift with its people; None while Slack does not return the members of a role."""

    turn: ShiftTurn
    people: tuple[str, ...] | None
    leads: tuple[str, ...] | None


class OnCall(Value):
    """Current and next shifts, and covers. Without a `roster`, `holders` have the working roles."""

    roster: bool
    now: tuple[Duty, ...] = ()
    next: tuple[Duty, ...] = ()
    covers: tuple[ActiveCover, ...] = ()
    holders: dict[Role, tuple[str, ...] | None] = Field(default_factory=dict)


class TeamService:
    """Queries about the team. Every call raises `LedgerUnavailable`."""

    def __init__(
        self,
        policies: Policies,
        people: Directory,
        statistics: Statistics,
        covers: CurrentCovers,
        preferred: LanguagePreferences,
        zone: tzinfo,
    ) -> None:
        """`zone` is used by a roster without a time zone of its own."""
        self._policies = policies
        self._people = people
        self._covers = covers
        self._zone = zone
        self.numbers, self.trial = statistics.numbers, statistics.trial
        self.titles = policies.titles
        self.language, self.choose_language = preferred.language, preferred.choose

    async def on_call(self, now: datetime) -> OnCall:
        """Returns the current and the next shifts."""
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
