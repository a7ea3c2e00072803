"""Team: its numbers, who is on shift, and the language that each person chose."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog
from pydantic import Field
from sqlalchemy.exc import DBAPIError

from activities.ledger.database import LedgerError
from activities.ledger.statistics import Statistics
from activities.ledger.team import Covering, Covers, Preferences
from activities.slack.people import People, RolesUnknown
from bot.cli.policies import Policies
from workflows.domain.model import Value
from workflows.domain.numbers.model import Numbers
from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.roster.turns import Turn, next_after, on_at, zone_of
from workflows.domain.text import Language, Text

LASTS = 10.0
"""Seconds; a choice counts at once in the process that heard it, and here after that."""
AGAIN = 1.0
"""Seconds in which a ledger that failed is not asked again."""
MOST = 2_000
PATIENCE = 0.2
"""Seconds that a slow ledger is waited for, where the person's last known language counts."""
FIRST = 1.0
"""The same where nothing is known: a later answer is better than one in the wrong language."""
ASKING = 5.0
"""Seconds until a question counts as failed."""

log = structlog.get_logger()


@dataclass
class _Kept:
    language: Language | None = None
    known: bool = False
    due: float = float("-inf")


class Preferred:
    """A cache over the ledger. While that is away or slow, what was known counts."""

    def __init__(
        self, preferences: Preferences, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preferences = preferences
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack. Never raises."""
        kept = self._entry(person)
        if self._clock() >= kept.due:
            # Not cancelled with whoever waits: a late answer counts for the next message.
            await asyncio.wait([self._question(person)], timeout=PATIENCE if kept.known else FIRST)
        return self._entry(person).language

    async def choose(self, person: str, language: Language | None, at: datetime) -> None:
        """From now on the person reads `language`. Raises `LedgerUnavailable`."""
        await self._preferences.choose_language(person, language, at)
        self._keep(person, language)

    def _question(self, person: str) -> asyncio.Task[None]:
        asking = self._asking.get(person)
        if asking is None:
            asking = self._asking[person] = asyncio.create_task(self._ask(person))
            asking.add_done_callback(lambda _: self._asking.pop(person, None))
        return asking

    async def _ask(self, person: str) -> None:
        before = self._entry(person)
        try:
            async with asyncio.timeout(ASKING):
                chosen = await self._preferences.language(person)
        except (LedgerError, DBAPIError, TimeoutError) as away:
            # While a ledger comes back, its tables may not be there yet.
            log.warning("preference_unknown", error=type(away).__name__)
            before.due = self._clock() + AGAIN
        else:
            if self._kept.get(person) is before:  # not chosen in the meantime
                self._keep(person, chosen)

    def _keep(self, person: str, language: Language | None) -> None:
        self._kept[person] = _Kept(language, known=True, due=self._clock() + LASTS)
        self._kept.move_to_end(person)

    def _entry(self, person: str) -> _Kept:
        kept = self._kept.setdefault(person, _Kept())
        self._kept.move_to_end(person)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return kept


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


class TeamDesk:
    """The team: over ledger, roster and Slack's groups. Raises `LedgerUnavailable`."""

    def __init__(
        self,
        policies: Policies,
        people: People,
        statistics: Statistics,
        covers: Covers,
        preferred: Preferred,
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

    async def _duties(self, turns: Sequence[Turn]) -> tuple[Duty, ...]:
        return tuple([await self._duty(turn) for turn in turns])

    async def _duty(self, turn: Turn) -> Duty:
        people = turn.people or await self._members(turn.role or Role.SPECIALIST)
        return Duty(turn=turn, people=people, leads=turn.leads or await self._members(Role.LEAD))

    async def _members(self, role: Role) -> tuple[str, ...] | None:
        try:
            return await self._people.members(role)
        except RolesUnknown:
            return None
