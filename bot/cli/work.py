"""`koban work` command: the Temporal workers."""

import asyncio
import gc
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.bulk_members import BulkActivities
from activities.case_delivery import DeliveryActivities
from activities.charts import draw
from activities.detector_runs import DetectorActivities, FeedbackActivities
from activities.detectors.feedback import open_webhooks, post
from activities.evidence_reveal import RevealActivities
from activities.images import AllowedHosts, Fetcher, Images, open_fetcher
from activities.ledger.activities import LedgerActivities, RetentionActivities
from activities.ledger.alert_records import AlertRecords
from activities.ledger.appeals import AppealsLedger
from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.detectors import DetectorLedger
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.feedback import FeedbackLedger
from activities.ledger.policies import PolicyHistory, StoredPolicies
from activities.ledger.queries import Queries
from activities.ledger.statistics import Statistics
from activities.ledger.storms import Storms
from activities.ledger.team import Automation, Preferences
from activities.platform.activities import NoticeActivities, PlatformActivities
from activities.platform.client import Platform
from activities.platform.related import RelatedReader
from activities.report_gathering import ReportGathering
from activities.signatures import Proofs
from activities.slack.activities import SlackActivities
from activities.slack.directory import Directory
from activities.slack.evidence import EvidenceScreen
from activities.slack.i18n.catalog import CatalogWording
from activities.slack.rate_limiter import RateLimiter
from activities.storm_watch import StormWatch
from bot.admission import AlertSubmitter, CoalescedQuery
from bot.cli.detect import row_reader, submitter
from bot.cli.process import (
    open_database,
    open_http,
    open_web,
    run,
    serving_inside,
    stop_event,
)
from bot.encryption import Undecryptable
from bot.http.app import Check, make_internal_app
from bot.http.metrics import Metrics
from bot.ledger import seal_heads, signer_of, wait_for_ledger
from bot.log_setup import set_up_logging
from bot.policies import ActionSource, Policies, open_policies
from bot.policy_recorder import FolderRecorder
from bot.services.detectors import FeedbackDelivery
from bot.services.slack import covers_of
from bot.services.team import LanguagePreferences
from bot.settings import Settings, load_settings, need
from bot.slack.listener import utc_now
from bot.stores import Stores, compare
from bot.tasks import in_background, run_until_stopped, until_connected
from bot.temporal import (
    deployment_of,
    encryption_problem,
    exposures,
    temporal_problem,
    wait_for_temporal,
)
from bot.timeouts import PRODUCTION, Timeouts
from bot.worker import Duties, make_workers, run_workers
from workflows.client import Cases, FeedbackClient, PolicyClient, StormClient
from workflows.ports.cases import Order
from workflows.report.schedules import (
    Planned,
    Schedules,
    detector_schedules,
    planned,
    retention_schedule,
)

log = structlog.get_logger()

COLLECT_AFTER = (5_000, 10, 50)
"""`gc` thresholds. With the default of 700 new objects, collections take 3 ms per case: 6 % of a
worker's CPU time."""


def work() -> None:
    """Run workflows and activities until SIGTERM; waits for Temporal and the ledger."""
    settings = load_settings()
    need(settings, "policy", "slack.bot_token", "platform.base_url")
    set_up_logging()
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = stop_event()
    policies = open_policies(settings)
    deployment = deployment_of(settings.temporal)
    client = await run_until_stopped(wait_for_temporal(settings.temporal), stop)
    if client is None:
        return
    problem = await encryption_problem(client)
    if problem is not None:
        raise Undecryptable(problem)
    for exposure in exposures(settings.temporal):
        log.warning("temporal_exposed", problem=exposure)
    async with AsyncExitStack() as opened:
        duties = await run_until_stopped(open_duties(opened, settings, policies, client), stop)
        if duties is None:
            return
        metrics = Metrics()
        workers = make_workers(
            *(client, settings.temporal.task_queue, duties, deployment),
            observe=metrics.observe_activity,
        )
        log.info(
            "working",
            task_queue=settings.temporal.task_queue,
            build=settings.temporal.build_id or "unversioned",
        )
        await opened.enter_async_context(report_schedules(client, policies, settings))
        checks: dict[str, Check] = {
            "temporal": lambda: temporal_problem(client, settings.temporal),
            "policy": policies.check,
        }
        inside = make_internal_app(checks, metrics)
        await opened.enter_async_context(serving_inside(inside, settings.http))
        _tune_gc()
        await run_workers(workers, stop)
    log.info("stopped")


def _tune_gc() -> None:
    """Excludes the objects of loaded modules from collections."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def open_duties(
    opened: AsyncExitStack,
    settings: Settings,
    policies: Policies,
    client: Client,
    timeouts: Timeouts = PRODUCTION,
) -> Duties:
    """Builds every activity, closed with `opened`; waits for the ledger. Raises `SettingWrong`."""
    assert settings.platform.base_url is not None
    signer = signer_of(settings.temporal)
    database = await opened.enter_async_context(open_database(settings.ledger, signer))
    await wait_for_ledger(database)
    await opened.enter_async_context(in_background(seal_heads(database)))
    web = await open_web(opened, settings)
    market = Platform(await open_http(opened, settings))
    await compare(Stores(client, settings.temporal.task_queue, database, policies, signer))
    proofs = Proofs(signer, unsigned_until=settings.temporal.unsealed_until)
    history = await _follow_history(opened, settings, policies, client, database)
    stored = StoredPolicies(database, signer, policies.current_packed)
    if signer.active:
        policies.trust(partial(_is_signed, history, stored))
        opened.callback(policies.trust, None)
    delivery = FeedbackDelivery(
        FeedbackClient(client, settings.temporal.task_queue), FeedbackLedger(database)
    )
    opened.push_async_callback(delivery.drain)
    ledger = LedgerActivities(
        database,
        policies=stored,
        shadows=policies.shadow_records,
        feedback=policies.with_feedback,
        queued=delivery.queued,
    )
    people = Directory(
        web,
        policies.roles,
        settings.locale,
        chosen=LanguagePreferences(Preferences(database)).language,
        on_shift=lambda: policies.on_shift(settings.zone, utc_now()),
        approvers_last=timeouts.approvers,
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
        covers_of=covers_of(database, people),
        draw_chart=draw,
    )
    source = ActionSource(policies, stored.find)
    automation = Automation(database)

    async def paused(order: Order) -> bool:
        playbook, action = order.proof.playbook, order.planned.action
        return await automation.stops(playbook, order.detectors, action)

    platform = PlatformActivities(market, source.spec_of, proofs.verifies, paused)
    bulk_decisions = BulkLedger(database)
    bulk_activities = BulkActivities(
        RelatedReader(market), bulk_decisions, policies.look_ups, proofs
    )
    deliveries = DeliveryActivities(cases)
    reports = ReportGathering(
        Statistics(database), Queries(database), people, policies, settings.zone, utc_now
    )
    appeals = AppealsLedger(database)
    notices = NoticeActivities(market, CatalogWording(), lambda: policies.look_ups().notice)
    plain = await opened.enter_async_context(open_fetcher())
    fetcher = Fetcher(plain, AllowedHosts(settings.platform.base_url), policies.image_hosts)
    revealing = RevealActivities(
        EvidenceRecord(database),
        Images(fetcher),
        EvidenceScreen(web),
        people,
        settings.zone,
        policies.retention,
    )
    retention = RetentionActivities(database, signer, policies.retention)
    known = CoalescedQuery(Queries(database).known)
    record = AlertRecords(database).add
    alerts = AlertSubmitter(cases, policies.target_of, known, timeouts.ledger, record=record)
    detectors = DetectorActivities(
        *(DetectorLedger(database), policies, row_reader(settings.ingest)),
        *(submitter(lambda: alerts), utc_now(), delivery.ensure),
    )
    webhooks = await opened.enter_async_context(open_webhooks())
    feedback = FeedbackActivities(
        *(FeedbackLedger(database), partial(post, webhooks)),
        *(policies.receiver_of, policies.detectors),
    )
    return Duties(
        main=(
            ledger.open_case,
            ledger.claim_alerts,
            ledger.record,
            ledger.load_case,
            ledger.place_of,
            ledger.book,
            ledger.covers_of,
            ledger.automation_pauses,
            ledger.expose,
            *(slack.roles_of, slack.approvers_of),
            *(policies.policy_now, policies.strictness_now, policies.breaker_channels),
            storms.storm_now,
            appeals.load_appealed,
            appeals.record_appeal,
            deliveries.deliver,
            deliveries.outcome,
            reports.gather_report,
            *(retention.erase_batch, retention.end_retention),
            *(detectors.plan_run, detectors.note_run, detectors.check_heartbeats),
            proofs.prove,
            *(bulk_activities.bulk_part, bulk_decisions.bulk_statuses, bulk_decisions.record_bulk),
            bulk_decisions.bulk_notices,
            *(history.plan_policy_notices, history.end_policy_notices),
        ),
        slack=(
            slack.show,
            slack.answer,
            slack.tell,
            slack.alert_leads,
            slack.announce_breaker,
            slack.show_appeal,
            slack.show_storm,
            slack.post_report,
            slack.message_owner,
            slack.show_policy_notice,
        ),
        background=(slack.show,),
        evidence=(revealing.show_evidence, revealing.delete_pictures),
        detectors=(detectors.query_window,),
        platform=(
            platform.carry_out,
            platform.read_back,
            platform.dry_run,
            bulk_activities.bulk_of,
            notices.send_notice,
            feedback.send_feedback,
        ),
    )


async def _is_signed(
    history: PolicyHistory, stored: StoredPolicies, playbook: str, version: str
) -> bool:
    """Whether a version was in force, signed by a worker: of the folder, or of a case.

    Raises `LedgerUnavailable`.
    """
    if await history.was_in_force(version):
        return True
    return await stored.find(playbook, version) is not None


async def _follow_history(
    opened: AsyncExitStack,
    settings: Settings,
    policies: Policies,
    client: Client,
    database: Database,
) -> PolicyHistory:
    """Records changes of the folder, and uses the version in force, until `opened` is closed."""
    history = PolicyHistory(database, database.audit.signer)
    announcing = PolicyClient(client, settings.temporal.task_queue)
    recorder = FolderRecorder(policies, history, announcing.announce)
    await until_connected(recorder.first, LedgerUnavailable, "ledger", database.shown)
    await opened.enter_async_context(in_background(recorder.run()))
    return history


CHECK_INTERVAL = 30.0
"""Seconds between two checks of the policy folder for changed schedules."""


def report_schedules(
    client: Client, policies: Policies, settings: Settings, interval: float = CHECK_INTERVAL
) -> AbstractAsyncContextManager[None]:
    """Keeps the Schedules of the policy while the block runs, checked every `interval` seconds."""
    schedules = Schedules(client, settings.temporal.task_queue)
    return in_background(_sync(schedules, policies, settings, interval))


async def _sync(
    schedules: Schedules, policies: Policies, settings: Settings, interval: float
) -> None:
    """Updates the Schedules when the policy has changed, or when Temporal was unreachable."""
    applied: tuple[Planned, ...] | None = None
    while True:
        reports = planned(policies.reports(), policies.roster(), settings.zone)
        detectors = detector_schedules(policies.detectors().values(), settings.zone)
        wanted = (*reports, retention_schedule(policies.retention(), settings.zone), *detectors)
        if wanted != applied:
            try:
                await schedules.keep(wanted)
                applied = wanted
                log.info("schedules_kept", schedules=[each.id for each in wanted])
            except RPCError as error:
                log.warning("schedules_not_kept", status=error.status.name)
        await asyncio.sleep(interval)
