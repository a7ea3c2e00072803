"""The doors through which Slack's listeners reach everything else."""

from collections.abc import Iterable

from activities.ledger.covers import Covers
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.rings import Rings
from activities.platform.related import RelatedReader
from activities.slack.people import People, RolesUnknown
from activities.slack.text.texts import texts
from bot.cli.policies import Policies
from bot.cli.ring_desk import RingDesk
from bot.settings import Settings
from bot.slack.cover_door import LedgerCovers
from bot.slack.doors import Doors, PlatformDoor, Unavailable
from bot.slack.ledger_door import LedgerReader
from workflows.client import Appeals, Cases
from workflows.domain.people import Role
from workflows.domain.text import Language


class PeopleOfSlack:
    """`PeopleDoor` over the workspace."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def language(self, person: str) -> Language:
        """The language that a person reads Slack in."""
        return await self._people.language(person)

    async def roles(self, person: str) -> frozenset[Role]:
        """The roles that a person holds now. Raises `Unavailable`."""
        try:
            return await self._people.roles(person)
        except RolesUnknown as unknown:
            raise Unavailable("Slack does not say who holds a role.") from unknown

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """The names of several people, by id."""
        return await self._people.names(people)


def make_doors(
    cases: Cases,
    appeals: Appeals,
    policies: Policies,
    people: People,
    database: Database,
    platform: PlatformDoor,
    settings: Settings,
    related: RelatedReader | None = None,
) -> Doors:
    """Everything that the listeners use, over the real things."""
    return Doors(
        cases=cases,
        appeals=appeals,
        policies=policies,
        people=PeopleOfSlack(people),
        ledger=LedgerReader(Queries(database), policies),
        covers=LedgerCovers(Covers(database)),
        platform=platform,
        texts=texts,
        language=settings.locale,
        zone=settings.zone,
        rings=RingDesk(related, Rings(database), policies) if related is not None else None,
    )
