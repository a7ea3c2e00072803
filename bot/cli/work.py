"""`koban work`: the Temporal worker."""

import gc
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog
from temporalio.client import Client

from activities.bulk_members import BulkActivities
from activities.case_delivery import DeliveryActivities
from activities.charts import draw
from activities.evidence_reveal import RevealActivities
from activities.images import AllowedHosts, Fetcher, Images, open_fetcher
from activities.ledger.activities import LedgerActivities
from activities.ledger.appeals import AppealsLedger
from activities.ledger.bulk import BulkLedger
from activities.ledger.cases import Ledger
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.storms import Storms
from activities.ledger.team import Preferences
from activities.platform.activities import PlatformActivities, dry_run
from activities.platform.client import Platform, open_platform
from activities.platform.notices import NoticeActivities
from activities.platform.related import RelatedReader
from activities.slack.activities import SlackActivities
from activities.slack.client import slack_client
from activities.slack.directory import Directory
from activities.slack.evidence import EvidenceScreen
from activities.slack.i18n.catalog import CatalogWording
from activities.slack.rate_limiter import RateLimiter
from activities.storm_watch import StormWatch
from bot.cli.process import open_database, run, stop_event, unless_stopped
from bot.encryption import Unreadable
from bot.ledger import wait_for_ledger
from bot.log_setup import set_up_logging
from bot.policies import Policies, open_policies
from bot.services.reports import gathering, keeping_schedules
from bot.services.slack import stand_ins
from bot.services.team import LanguagePreferences
from bot.settings import Settings, load_settings, need
from bot.temporal import deployment_of, unreadable, wait_for_temporal
from bot.worker import Duties, make_workers, run_workers
from workflows.client import Cases, StormClient

log = structlog.get_logger()

COLLECT_AFTER = (5_000, 10, 50)
"""New objects before a collection, by generation. With the default of 700, collecting costs a
worker with open cases 3 ms a case: 6 % of its processor time."""


def work() -> None:
    """Run workflows and activities until SIGTERM; waits for Temporal and ledger that are away."""
    settings = load_settings()
    need(settings, "policy", "slack.bot_token", "platform.base_url")
    set_up_logging()
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = stop_event()
    policies = open_policies(settings)
    deployment = deployment_of(settings.temporal)
    client = await unless_stopped(wait_for_temporal(settings.temporal), stop)
    if client is None:
        return
    sealed = await unreadable(client)
    if sealed is not None:
        raise Unreadable(sealed)
    async with AsyncExitStack() as opened:
        duties = await unless_stopped(open_duties(opened, settings, policies, client), stop)
        if duties is None:
            return
        workers = make_workers(client, settings.temporal.task_queue, duties, deployment)
        log.info(
            "working",
            task_queue=settings.temporal.task_queue,
            build=settings.temporal.build_id or "unversioned",
        )
        await opened.enter_async_context(keeping_schedules(client, policies, settings))
        _collect_less()
        await run_workers(workers, stop)
    log.info("stopped")


def _collect_less() -> None:
    """Leaves out of every collection what is loaded by now: it stays until the process ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def open_duties(
    opened: AsyncExitStack, settings: Settings, policies: Policies, client: Client
) -> Duties:
    """Every activity, over ledger, Slack and platform as the settings say.

    What is opened is closed with `opened`. Waits for the ledger; raises `SettingWrong`.
    """
    assert settings.slack.bot_token is not None
    assert settings.platform.base_url is not None
    token = settings.platform.token
    database = await opened.enter_async_context(open_database(settings.ledger))
    await wait_for_ledger(database)
    web = await opened.enter_async_context(
        slack_client(settings.slack.bot_token.get_secret_value(), settings.slack.api_url)
    )
    http = await opened.enter_async_context(
        open_platform(settings.platform.base_url, token.get_secret_value() if token else None)
    )
    ledger = LedgerActivities(Ledger(database))
    people = Directory(
        web,
        policies.roles,
        settings.locale,
        chosen=LanguagePreferences(Preferences(database)).language,
        on_shift=lambda: policies.on_shift(settings.zone, datetime.now(UTC)),
    )
    cases, storms = Cases(client, settings.temporal.task_queue), Storms(database)
    slack = SlackActivities(
        web,
        people,
        settings.locale,
        settings.zone,
        RateLimiter(settings.slack.pace),
        latest=cases.newest_show,
        storms=StormWatch(storms, StormClient(client, settings.temporal.task_queue)),
        stand_ins=stand_ins(database),
        draw_chart=draw,
    )
    platform = PlatformActivities(Platform(http))
    bulk_decisions = BulkLedger(database)
    bulk_activities = BulkActivities(
        RelatedReader(Platform(http)), bulk_decisions, policies.look_ups
    )
    delivery = DeliveryActivities(cases)
    appeals = AppealsLedger(database)
    notices = NoticeActivities(Platform(http), CatalogWording())
    plain = await opened.enter_async_context(open_fetcher())
    fetcher = Fetcher(plain, AllowedHosts(settings.platform.base_url), policies.image_hosts)
    revealing = RevealActivities(
        EvidenceRecord(database), Images(fetcher), EvidenceScreen(web), people, settings.zone
    )
    return Duties(
        main=(
            ledger.open_case,
            ledger.claim_alerts,
            ledger.record,
            ledger.load_case,
            ledger.place_of,
            ledger.spend,
            ledger.covers_of,
            ledger.automation_of,
            ledger.expose,
            slack.roles_of,
            policies.policy_now,
            storms.storm_now,
            appeals.load_appealed,
            appeals.record_appeal,
            delivery.deliver,
            delivery.outcome,
            gathering(database, people, policies, settings).gather_report,
            *(bulk_decisions.bulk_part, bulk_decisions.bulk_statuses, bulk_decisions.record_bulk),
        ),
        slack=(
            slack.show,
            slack.answer,
            slack.tell,
            slack.show_appeal,
            slack.show_storm,
            slack.post_report,
            revealing.show_evidence,
        ),
        background=(slack.show,),
        platform=(
            platform.carry_out,
            platform.read_back,
            dry_run,
            bulk_activities.bulk_of,
            notices.send_notice,
        ),
    )
