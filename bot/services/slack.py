"""Service container of Slack's listeners."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.queries import Queries
from activities.ledger.search import Search
from activities.ledger.statistics import Statistics
from activities.ledger.team import Automation, Covers
from activities.platform.client import Platform
from activities.platform.related import RelatedReader
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.refusals import StandIn, StandIns
from bot.http.admission import AlertSubmitter
from bot.policies import Policies
from bot.services.bulk import BulkService
from bot.services.cases import CaseSearch, LedgerReader
from bot.services.lookups import LookUps
from bot.services.team import LanguagePreferences, TeamService
from bot.settings import Settings
from bot.timeouts import PRODUCTION, Timeouts
from workflows.client import Appeals, Cases
from workflows.domain.alerts import Alert
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Language


class ManualAlerts:
    """Alerts made by people, which take the same way as detectors' alerts."""

    def __init__(self, submitter: AlertSubmitter, policies: Policies) -> None:
        self._submitter = submitter
        self._policies = policies

    def playbook_of(self, alert: Alert) -> Playbook | None:
        """Returns the playbook that matches an alert."""
        target = self._policies.target_of(alert)
        return None if target is None else target.policy.playbook

    async def submit(self, alert: Alert) -> None:
        """Stores the alert durably, once. Raises `TemporalUnavailable`."""
        await self._submitter.submit([alert])


@dataclass(frozen=True)
class Services:
    """Dependencies of Slack's listeners. Times that people type are in `zone`."""

    cases: Cases
    appeals: Appeals
    policies: Policies
    people: Directory
    ledger: LedgerReader
    covers: Covers
    platform: LookUps
    team: TeamService
    texts: Callable[[Language], Catalog]
    language: Language
    zone: tzinfo
    finding: CaseSearch
    automation: Automation
    alerts: ManualAlerts
    bulk_decisions: BulkService
    evidence: EvidenceRecord
    timeouts: Timeouts = PRODUCTION


def stand_ins(database: Database) -> StandIns:
    """Returns a query for the people who cover a role; empty while the ledger is unreachable."""
    covers = Covers(database)

    async def query(role: Role) -> tuple[StandIn, ...]:
        try:
            return await covers.standing_in(role, datetime.now(UTC))
        except LedgerUnavailable:
            return ()

    return query


def make_services(
    cases: Cases,
    appeals: Appeals,
    policies: Policies,
    people: Directory,
    database: Database,
    platform: Platform,
    settings: Settings,
    preferred: LanguagePreferences,
    submitter: AlertSubmitter,
    timeouts: Timeouts,
) -> Services:
    """Builds the container."""
    return Services(
        cases=cases,
        appeals=appeals,
        policies=policies,
        people=people,
        ledger=LedgerReader(Queries(database), policies),
        covers=Covers(database),
        platform=LookUps(platform, policies),
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
        finding=CaseSearch(Search(database), Queries(database)),
        automation=Automation(database),
        alerts=ManualAlerts(submitter, policies),
        bulk_decisions=BulkService(RelatedReader(platform), BulkLedger(database), policies),
        evidence=EvidenceRecord(database),
        timeouts=timeouts,
    )
