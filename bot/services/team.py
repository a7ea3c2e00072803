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
from workflows.domain.people import WORKING_ROLES, Role
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
        covers: Covers,
        preferred: LanguagePreferences,
        zone: tzinfo,
    ) -> None:
        """`zone` is used by a roster without a time zone of its own."""
        self._policies = policies
        self._people = people
        self._covers = covers
        self._zone = zone
        self.numbers, self.titles = statistics.numbers, policies.titles
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
