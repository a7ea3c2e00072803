"""Services that Slack's listeners use beside Slack itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.queries import Queries
from activities.ledger.search import Search
from activities.ledger.statistics import Statistics
from activities.ledger.team import Automation, Covers
from activities.platform.related import RelatedReader
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.role_holders import StandIn, StandIns
from bot.http.admission import AlertSubmitter
from bot.policies import Policies
from bot.services.bulk import BulkService
from bot.services.cases import LedgerFinding, LedgerReader
from bot.services.lookups import LookUps
from bot.services.team import LanguagePreferences, TeamService
from bot.settings import Settings
from workflows.client import Appeals, Cases
from workflows.domain.alerts import Alert
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Click
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Language
from workflows.ports.appeals import AppealSnapshot


class CaseService(Protocol):
    """The workflows (`workflows.client.Cases`)."""

    async def click(self, workflow_id: str, click: Click) -> None:
        """Stores a click for good. Raises `workflows.client.OutOfReach`."""

    async def memory(self, workflow_id: str) -> CaseSnapshot | None:
        """The running case at `route`, or None. Raises `workflows.client.OutOfReach`."""


class AppealService(Protocol):
    """The appeals (`workflows.client.Appeals`). Raises `workflows.client.OutOfReach`."""

    async def click(self, click: AppealClick) -> bool:
        """Stores a click for good; False where its appeal is over."""

    async def memory(self, appeal: str) -> AppealSnapshot | None:
        """An open appeal, or None."""


class ManualAlerts:
    """Alerts that people make, on the way that detectors' alerts take."""

    def __init__(self, handover: AlertSubmitter, policies: Policies) -> None:
        self._handover = handover
        self._policies = policies

    def takes(self, alert: Alert) -> Playbook | None:
        """The playbook that takes an alert."""
        placed = self._policies.place(alert)
        return None if placed is None else placed[0].playbook

    async def hand_over(self, alert: Alert) -> None:
        """Stores it for good; a second time changes nothing. Raises `TemporalAway`."""
        await self._handover.hand_over([alert])


@dataclass(frozen=True)
class Services:
    """Everything beside Slack itself that the listeners use. Times are typed in `zone`."""

    cases: CaseService
    appeals: AppealService
    policies: Policies
    people: Directory
    ledger: LedgerReader
    covers: Covers
    platform: LookUps
    team: TeamService
    texts: Callable[[Language], Catalog]
    language: Language
    zone: tzinfo
    finding: LedgerFinding
    automation: Automation
    alerts: ManualAlerts
    bulk_decisions: BulkService
    evidence: EvidenceRecord


def stand_ins(database: Database) -> StandIns:
    """Who covers a role now, as the ledger says; nobody while it is away."""
    covers = Covers(database)

    async def standing_in(role: Role) -> tuple[StandIn, ...]:
        try:
            return await covers.standing_in(role, datetime.now(UTC))
        except LedgerUnavailable:
            return ()

    return standing_in


def make_services(
    cases: Cases,
    appeals: Appeals,
    policies: Policies,
    people: Directory,
    database: Database,
    platform: LookUps,
    settings: Settings,
    preferred: LanguagePreferences,
    handover: AlertSubmitter,
    related: RelatedReader,
) -> Services:
    """Everything that the listeners use, over the real things."""
    return Services(
        cases=cases,
        appeals=appeals,
        policies=policies,
        people=people,
        ledger=LedgerReader(Queries(database), policies),
        covers=Covers(database),
        platform=platform,
        team=TeamService(
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
        finding=LedgerFinding(Search(database), Queries(database)),
        automation=Automation(database),
        alerts=ManualAlerts(handover, policies),
        bulk_decisions=BulkService(related, BulkLedger(database), policies),
        evidence=EvidenceRecord(database),
    )
