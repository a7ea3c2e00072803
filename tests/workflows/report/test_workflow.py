"""Scheduled reports: planned by the policy, kept up to date, and started by Temporal."""

import inspect
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.evidence_reveal import RevealActivities
from activities.ledger.activities import RetentionActivities
from activities.report_gathering import ReportGathering
from activities.slack.activities import SlackActivities
from deploy.sandbox.slack.person import wait_until
from tests.activities.slack.test_report_message import AT, a_report
from tests.environment import fresh_namespace
from tests.workflows.domain.policy.rosters import DAY, NIGHT, roster
from workflows.domain.metrics.report import ReportKind
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.reports import Kept, ReportRules, Retention
from workflows.domain.values import Value
from workflows.ports.cases import Delivery
from workflows.ports.detectors import HeartbeatStart
from workflows.ports.reports import (
    ErasedBatch,
    ReportPort,
    ReportStart,
    ReportWanted,
    RetentionPort,
    RetentionRun,
    RetentionStart,
    RetentionStep,
)
from workflows.report.schedules import (
    Planned,
    Schedules,
    detector_schedules,
    planned,
    retention_schedule,
)
from workflows.report_workflow import RetentionWorkflow

TOKYO = ZoneInfo("Asia/Tokyo")


def rules(**given: object) -> ReportRules:
    return ReportRules.model_validate(given)


DAILY = {"channel": "ts-leads", "at": "09:30", "days": ["mon", "sun"]}
HANDOVER = {"channel": "ts-live", "before": "15m"}


@pytest.mark.parametrize(
    ("room", "name"),
    [
        (ReportGathering, "gather_report"),
        (SlackActivities, "post_report"),
        (RetentionActivities, "erase_batch"),
        (RetentionActivities, "end_retention"),
        (RevealActivities, "delete_pictures"),
    ],
)
def test_an_activity_has_the_signature_of_its_port(room: type, name: str) -> None:
    """Arguments and results match."""
    port = inspect.signature(getattr(ReportPort, name, None) or getattr(RetentionPort, name))
    mine = inspect.signature(getattr(room, name))
    assert list(port.parameters.values()) == list(mine.parameters.values())
    assert port.return_annotation == mine.return_annotation


@pytest.mark.parametrize(
    "value",
    [
        a_report(),
        a_report(kind="daily", team=None, language="en"),
        ReportWanted(key="report/daily-1", kind=ReportKind.DAILY, at=AT),
        ReportStart(kind=ReportKind.SHIFT, shift="day"),
        RetentionStart(step=RetentionStep(run="r", at=AT, kind=Kept.IMAGES, after="F0A")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_report_payload_is_read_back_unchanged(value: Value) -> None:
    """Counts by severity and verdict as well."""
    payloads = await pydantic_data_converter.encode([value])
    (read,) = await pydantic_data_converter.decode(payloads, [type(value)])
    assert read == value


def test_without_rules_there_are_no_schedules() -> None:
    """A team without reports.yaml gets none."""
    assert planned(None, roster(), TOKYO) == ()
    assert planned(rules(handover=HANDOVER), None, TOKYO) == ()


def test_a_daily_report_is_planned_in_its_zone() -> None:
    """Temporal counts days from Sunday."""
    start = ReportStart(kind=ReportKind.DAILY)
    (daily,) = planned(rules(daily=DAILY, zone="Europe/London"), None, TOKYO)
    assert daily == Planned(
        id="report/daily", start=start, days=(0, 1), at=time(9, 30), zone="Europe/London"
    )
    assert planned(rules(daily=DAILY), None, TOKYO)[0].zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("given", "looks"),
    [
        ({}, False),
        ({"expect": {"every": "15m"}}, True),
        ({"feedback": {"url": {"env": "KOBAN_FEEDBACK_CHAT"}}}, True),
    ],
)
def test_heartbeats_and_feedback_are_looked_at_every_minute(
    given: dict[str, object], looks: bool
) -> None:
    """A start of a delivery that was lost is made up by it."""
    chat = Detector.model_validate({"detector": "chat", **given})
    found = detector_schedules([chat], TOKYO)
    expected = Planned(id="heartbeats/minute", start=HeartbeatStart(), every=timedelta(minutes=1))
    assert found == ((expected,) if looks else ())


def test_retention_is_planned_without_a_file() -> None:
    """Pictures are deleted also where the folder has no retention.yaml."""
    plan = retention_schedule(Retention(), TOKYO)
    assert (plan.id, plan.at, plan.zone) == ("retention/daily", time(4, 0), "Asia/Tokyo")
    assert plan.days == (0, 1, 2, 3, 4, 5, 6)


async def test_a_run_goes_through_every_kind_and_outlives_slack(temporal: str) -> None:
    """A batch follows the other; without Slack the run ends, and the pictures wait for the next."""
    namespace = await fresh_namespace(temporal)
    client = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter
    )
    steps: list[tuple[str, str]] = []
    drawn: list[str] = []

    @activity.defn(name="erase_batch")
    async def erase_batch(step: RetentionStep) -> ErasedBatch:
        steps.append((step.kind.value, step.after))
        redraw = ("K1", "K2") if (step.kind, step.after) == (Kept.EVIDENCE, "") else ()
        return ErasedBatch(erased=1, after="K1" if step.after == "" else None, redraw=redraw)

    @activity.defn(name="deliver")
    async def deliver(delivery: Delivery) -> None:
        assert delivery == Delivery(case=delivery.case, wake=True)
        drawn.append(delivery.case)

    @activity.defn(name="delete_pictures")
    async def delete_pictures(step: RetentionStep) -> ErasedBatch:
        steps.append((step.kind.value, step.after))
        raise ApplicationError("Slack: invalid_auth", non_retryable=True)

    @activity.defn(name="end_retention")
    async def end_retention(run: RetentionRun) -> dict[str, int]:
        return {run.run: len(steps)}

    async with (
        Worker(
            client,
            task_queue="koban",
            workflows=[RetentionWorkflow],
            activities=[erase_batch, end_retention, deliver],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
        Worker(client, task_queue="koban-evidence", activities=[delete_pictures]),
    ):
        counts = await client.execute_workflow(
            RetentionWorkflow.run, RetentionStart(), id="retention/daily-1", task_queue="koban"
        )
    kinds = ("evidence", "attributes", "notes", "snapshots", "lookups", "limits", "records")
    pages = [(kind, after) for kind in kinds for after in ("", "K1")]
    assert steps == [*pages, ("images", "")]
    assert counts == {"retention/daily-1": 15}
    assert drawn == ["K1", "K2"]


def test_a_shift_hands_over_before_its_end() -> None:
    """There is one schedule every day, since an override may add a turn."""
    found = {each.id: each for each in planned(rules(handover=HANDOVER), roster(), TOKYO)}
    day, night = found["report/shift/day"], found["report/shift/night"]
    assert (day.at, day.days) == (time(16, 45), (0, 1, 2, 3, 4, 5, 6))
    assert night.at == time(8, 45)
    assert day.start == ReportStart(kind=ReportKind.SHIFT, shift="day")
    only = planned(rules(handover={**HANDOVER, "shifts": ["night"]}), roster(), TOKYO)
    assert [each.id for each in only] == ["report/shift/night"]


def test_a_shift_that_ends_at_midnight_hands_over_the_day_before() -> None:
    """The report is posted at ten to twelve."""
    late = roster(shifts={"late": {**DAY, "start": "16:00", "end": "00:00"}, "night": NIGHT})
    (plan,) = planned(rules(handover={"channel": "ts-live", "shifts": ["late"]}), late, TOKYO)
    assert plan.at == time(23, 50)


async def ids(client: Client) -> list[str]:
    return sorted([each.id async for each in await client.list_schedules()])


async def test_schedules_are_created_updated_and_deleted(temporal: str) -> None:
    """Other schedules stay, and paused ones stay paused."""
    namespace = await fresh_namespace(temporal)
    client = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter
    )
    schedules = Schedules(client, "koban")
    both = planned(rules(daily=DAILY, handover=HANDOVER), roster(), TOKYO)
    await schedules.keep(both)
    await client.get_schedule_handle("report/daily").pause(note="festival")
    await schedules.keep(both)
    later = planned(rules(daily={**DAILY, "at": "10:00"}), roster(), TOKYO)

    async def listed() -> bool:
        return len(await ids(client)) == 3

    await wait_until(listed, what="three schedules in the list")
    await schedules.keep(later)

    async def one() -> bool:
        return await ids(client) == ["report/daily"]

    await wait_until(one, what="only the digest in the list")
    daily = await client.get_schedule_handle("report/daily").describe()
    (calendar,) = daily.schedule.spec.calendars
    assert [each.start for each in calendar.hour] == [10]
    assert [each.start for each in calendar.day_of_week] == [0, 1]
    assert daily.schedule.spec.time_zone_name == "Asia/Tokyo"
    assert (daily.schedule.state.paused, daily.schedule.state.note) == (True, "festival")
    assert daily.schedule.policy.catchup_window == timedelta(hours=2)
    assert daily.info.next_action_times[0].astimezone(TOKYO).strftime("%H:%M") == "10:00"
