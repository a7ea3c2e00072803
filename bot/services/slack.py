"""Service container of Slack's listeners."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from slack_sdk.web.async_client import AsyncWebClient
from temporalio.client import Client

from activities.ledger.alert_records import AlertRecords
from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.detectors import DetectorLedger
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.feedback import FeedbackLedger
from activities.ledger.limits import LimitLedger
from activities.ledger.policies import PolicyHistory
from activities.ledger.queries import Queries
from activities.ledger.search import Search
from activities.ledger.statistics import Statistics
from activities.ledger.team import Automation, Covers, Preferences
from activities.platform.client import Platform
from activities.platform.related import RelatedReader
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.refusals import CoverPair, CoversOf
from bot.admission import AlertSubmitter, CoalescedQuery
from bot.ledger import signer_of
from bot.policies import Policies
from bot.services.bulk import BulkService
from bot.services.cases import CaseSearch, LedgerReader
from bot.services.detectors import DetectorReader
from bot.services.lookups import LookUps
from bot.services.team import CurrentCovers, LanguagePreferences, TeamService
from bot.settings import Settings
from bot.timeouts import PRODUCTION, Timeouts
from workflows.client import Appeals, Cases
from workflows.domain.people import Role
from workflows.domain.values import Language


@dataclass(frozen=True)
class Services:
    """Dependencies of Slack's listeners. Times that people type are in `zone`."""

    cases: Cases
    appeals: Appeals
    policies: Policies
    people: Directory
    ledger: LedgerReader
    covers: CurrentCovers
    platform: LookUps
    team: TeamService
    texts: Callable[[Language], Catalog]
    language: Language
    zone: tzinfo
    finding: CaseSearch
    automation: Automation
    detectors: DetectorReader
    alerts: AlertSubmitter
    bulk_decisions: BulkService
    evidence: EvidenceRecord
    limits: LimitLedger
    policy_history: PolicyHistory
    timeouts: Timeouts = PRODUCTION


def covers_of(database: Database, people: Directory) -> CoversOf:
    """Returns a query for the people who cover a role for somebody who has it.

    It is empty while the ledger is unreachable.
    """
    covers = CurrentCovers(Covers(database), people)

    async def query(role: Role) -> tuple[CoverPair, ...]:
        try:
            return await covers.of_role(role, datetime.now(UTC))
        except LedgerUnavailable:
            return ()

    return query


def make_services(
    client: Client,
    web: AsyncWebClient,
    database: Database,
    platform: Platform,
    policies: Policies,
    settings: Settings,
    timeouts: Timeouts,
) -> Services:
    """Builds the container."""
    preferences = LanguagePreferences(Preferences(database), first_timeout=timeouts.language)
    people = Directory(
        *(web, policies.roles, settings.locale),
        chosen=preferences.language,
        approvers_last=timeouts.approvers,
    )
    queue, rpc_timeout = settings.temporal.task_queue, timedelta(seconds=timeouts.temporal)
    cases = Cases(client, queue, people.granted, rpc_timeout)
    queries, covers = Queries(database), CurrentCovers(Covers(database), people)
    statistics, known = Statistics(database), CoalescedQuery(queries.known)
    record = AlertRecords(database).add
    return Services(
        cases=cases,
        appeals=Appeals(client, queue, people.granted, rpc_timeout),
        policies=policies,
        people=people,
        ledger=LedgerReader(queries, policies),
        covers=covers,
        platform=LookUps(platform, policies),
        team=TeamService(policies, people, statistics, covers, preferences, settings.zone),
        texts=texts,
        language=settings.locale,
        zone=settings.zone,
        finding=CaseSearch(Search(database), queries),
        automation=Automation(database),
        detectors=DetectorReader(
            *(DetectorLedger(database), policies, client, queue, rpc_timeout),
            FeedbackLedger(database),
        ),
        alerts=AlertSubmitter(cases, policies.target_of, known, timeouts.ledger, record=record),
        bulk_decisions=BulkService(RelatedReader(platform), BulkLedger(database), policies),
        evidence=EvidenceRecord(database),
        limits=LimitLedger(database),
        policy_history=PolicyHistory(database, signer_of(settings.temporal)),
        timeouts=timeouts,
    )
