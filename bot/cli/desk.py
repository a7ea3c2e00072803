"""The doors through which Slack's listeners reach everything else."""

from collections.abc import Iterable
from datetime import UTC, datetime

from activities.ledger.automation import Automation
from activities.ledger.covers import Covers
from activities.ledger.database import Database
from activities.ledger.errors import LedgerUnavailable
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.finding import Finding
from activities.ledger.queries import Queries
from activities.ledger.rings import Rings
from activities.ledger.statistics import Statistics
from activities.platform.related import RelatedReader
from activities.slack.holders import StandIn, StandIns
from activities.slack.people import People, RolesUnknown
from activities.slack.text.texts import texts
from bot.cli.evidence_desk import EvidenceDesk
from bot.cli.hand_desk import HandDesk
from bot.cli.policies import Policies
from bot.cli.preferring import Preferred
from bot.cli.ring_desk import RingDesk
from bot.cli.team_desk import TeamDesk
from bot.ingest.handover import Handover
from bot.settings import Settings
from bot.slack.automation_door import LedgerAutomation
from bot.slack.cover_door import LedgerCovers
from bot.slack.doors import Doors, PlatformDoor, Unavailable
from bot.slack.find_door import LedgerFinding
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

    async def members(self, role: Role) -> tuple[str, ...]:
        """Everybody who holds a role now. Raises `Unavailable`."""
        try:
            return await self._people.members(role)
        except RolesUnknown as unknown:
            raise Unavailable("Slack does not say who holds a role.") from unknown

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """The names of several people, by id."""
        return await self._people.names(people)


def stand_ins(database: Database) -> StandIns:
    """Who covers a role now, as the ledger says; nobody while it is away."""
    covers = Covers(database)

    async def standing_in(role: Role) -> tuple[StandIn, ...]:
        try:
            return await covers.standing_in(role, datetime.now(UTC))
        except LedgerUnavailable:
            return ()

    return standing_in


def make_doors(
    cases: Cases,
    appeals: Appeals,
    policies: Policies,
    people: People,
    database: Database,
    platform: PlatformDoor,
    settings: Settings,
    preferred: Preferred,
    handover: Handover,
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
        team=TeamDesk(
            policies,
            people,
            Statistics(database),
            Covers(database),
            preferred,
            settings.zone,
        ),
        texts=texts,
        language=settings.locale,
        zone=settings.zone,
        finding=LedgerFinding(Finding(database), Queries(database)),
        automation=LedgerAutomation(Automation(database)),
        alerts=HandDesk(handover, policies),
        rings=RingDesk(related, Rings(database), policies) if related is not None else None,
        evidence=EvidenceDesk(EvidenceRecord(database)),
    )
