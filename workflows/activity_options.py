"""Activity options: task queue, timeouts, retries and priority of every activity, in one table.

Each of Slack's budgets has a queue of its own, so that no write waits for slower or less urgent
ones. Temporal orders a queue by priority, and the rank of a severity is the priority of its work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

from workflows.domain.case.enforcement import FIRST_TRY
from workflows.ports.appeals import AppealPort
from workflows.ports.bulk import BulkPort
from workflows.ports.cases import CasePort
from workflows.ports.detectors import DetectorPort
from workflows.ports.policies import PolicyPort
from workflows.ports.reports import ReportPort, RetentionPort
from workflows.ports.storms import StormPort

A = TypeVar("A")
R = TypeVar("R")

UNSEALED_RESULT = "UnsealedResult"
"""Error type of an activity whose result no worker of Koban gave."""
MOST_FORGED = 20
"""Calls of one activity whose results are refused, before its workflow gives up: each is in the
history, which must not grow without end."""


slack_queue = "{}-slack".format
"""Slack writes that a person waits for, and everything but the cards of cases."""
cards_queue = "{}-slack-cards".format
"""Cards of new cases, limited by the rate of their channel."""
worst_queue = "{}-slack-worst".format
"""Cards of new critical cases: all workers of `cards_queue` can be busy for minutes."""
updates_queue = "{}-slack-updates".format
"""Background updates of cards that are already posted."""
evidence_queue = "{}-evidence".format
"""Hidden evidence: its images are fetched from anywhere and decoded, which takes up to 25 s."""
platform_queue = "{}-platform".format
"""Calls to the platform."""
detectors_queue = "{}-detectors".format
"""Queries of SQL detectors: a source that hangs must not hold up anything else."""


@dataclass(frozen=True)
class Options:
    """Options of one activity.

    `attempt` is the start-to-close timeout of each attempt, and `within` the schedule-to-close
    timeout of all of them (None: no limit). `heartbeat` is how soon an attempt is repeated whose
    worker was killed. `queue` derives the task queue from the workflow's own (None: the same).
    `rank` is Temporal's priority, 1 to 5; 1 goes first. With `waits_for_cancel` a cancelled
    activity ends only after the attempt under way.
    """

    attempt: timedelta
    retry: RetryPolicy
    within: timedelta | None = None
    heartbeat: timedelta | None = None
    queue: Callable[[str], str] | None = None
    rank: int | None = None
    waits_for_cancel: bool = False


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def _backoff(first: float, longest: float) -> RetryPolicy:
    """Doubles the pause between attempts, from `first` to `longest` seconds."""
    return RetryPolicy(initial_interval=_seconds(first), maximum_interval=_seconds(longest))


_HEARTBEAT = _seconds(2)
_SLACK_HEARTBEAT = _seconds(10)

# After an outage of the ledger, work continues within 5 s, and for a person within 2 s.
LEDGER = Options(attempt=_seconds(10), heartbeat=_HEARTBEAT, retry=_backoff(0.2, 5))
"""Retried until the ledger answers."""
LEDGER_PRESS = replace(LEDGER, within=_seconds(8), retry=_backoff(0.2, 2), rank=1)
"""A person waits: the press is refused after 8 s."""
PROTECTION = replace(LEDGER_PRESS, within=_seconds(3))
"""A protection must not be held up."""

_SLACK = Options(
    attempt=_seconds(60),
    heartbeat=_SLACK_HEARTBEAT,
    queue=slack_queue,
    retry=_backoff(0.5, 30),
)
# A cancelled write ends before the next begins: two at a time could post twice.
_CARD = replace(_SLACK, waits_for_cancel=True)
# An attempt in the background includes the wait for the channel's rate. One whose worker was killed
# is found by its heartbeat.
_BACKGROUND = replace(_CARD, attempt=timedelta(minutes=5))
SLACK_PAUSE = _seconds(30)
"""Pause before a write to Slack that failed for good is started again."""
NEW_CARD = replace(_BACKGROUND, queue=cards_queue)
NEW_CRITICAL_CARD = replace(_BACKGROUND, queue=worst_queue)
CARD_UPDATE = replace(_BACKGROUND, queue=updates_queue)

_PLATFORM = Options(
    attempt=_seconds(15),
    heartbeat=_HEARTBEAT,
    queue=platform_queue,
    retry=_backoff(1, 30),
)
# A call that is not wanted any more may still take effect: its result is awaited.
CARRY_OUT_LONG = replace(_PLATFORM, waits_for_cancel=True)
"""After the first try; `within` is the action's own deadline."""
READ_BACK_LONG = replace(_PLATFORM, within=timedelta(minutes=10))
"""The case already shows the action as done while this goes on."""

NOTICE_FIRST_TRY = replace(CARRY_OUT_LONG, within=_seconds(3), retry=_backoff(0.3, 1))
"""A card waits up to 3 s to show the decision and its notice at once."""
NOTICE_LONG = replace(CARRY_OUT_LONG, within=timedelta(days=7), retry=_backoff(1, 600))
"""The person acted upon gets a notice days late rather than never."""

_ROLES_WITHIN = _seconds(8)
ROLES_LATER = Options(attempt=_ROLES_WITHIN, within=timedelta(minutes=10), retry=_backoff(1, 10))
"""A press waits 10 minutes for Slack to return its person's roles, before it is refused."""

_DELIVER = Options(attempt=_seconds(10), heartbeat=_HEARTBEAT, retry=_backoff(1, 30))
DELIVER_REPORT = replace(_DELIVER, attempt=_seconds(15))
"""A report of an enforcement for a case that is closed."""

# A report that is more than 6 h late is not missed.
_REPORT = Options(attempt=_seconds(60), within=timedelta(hours=6), retry=_backoff(1, 30))

OPTIONS: dict[Callable[..., Any], Options] = {
    # Ledger
    CasePort.open_case: LEDGER,
    CasePort.record: LEDGER,
    CasePort.load_case: LEDGER,
    CasePort.place_of: LEDGER,
    CasePort.policy_now: LEDGER,
    CasePort.breaker_channels: LEDGER,
    # It reads the worker's memory. Without an answer a press would be decided too leniently: it is
    # refused after a minute, in which workers can restart.
    CasePort.strictness_now: replace(LEDGER, within=_seconds(60), retry=_backoff(0.2, 2), rank=1),
    CasePort.covers_of: LEDGER_PRESS,
    CasePort.book: LEDGER_PRESS,
    CasePort.claim_alerts: PROTECTION,
    CasePort.automation_pauses: PROTECTION,
    CasePort.expose: LEDGER_PRESS,
    AppealPort.load_appealed: LEDGER,
    AppealPort.record_appeal: LEDGER,
    BulkPort.bulk_part: LEDGER,
    BulkPort.bulk_statuses: LEDGER,
    BulkPort.bulk_notices: LEDGER,
    BulkPort.record_bulk: LEDGER,
    StormPort.storm_now: LEDGER,
    CasePort.prove: Options(attempt=_seconds(10), retry=_backoff(0.2, 5), rank=1),
    # Slack
    CasePort.show: _CARD,
    # Behind urgent cases: an appeal has days.
    AppealPort.show_appeal: replace(_SLACK, rank=3),
    StormPort.show_storm: replace(_SLACK, rank=2),
    # After 15 minutes a refusal is too late to be of use.
    CasePort.answer: replace(
        _SLACK, attempt=_seconds(20), within=timedelta(minutes=15), heartbeat=None, rank=1
    ),
    # A call to people that comes later than an hour is of no use.
    CasePort.tell: replace(_SLACK, within=timedelta(hours=1), heartbeat=None),
    CasePort.alert_leads: replace(_SLACK, within=timedelta(hours=1), heartbeat=None, rank=2),
    CasePort.announce_breaker: replace(_SLACK, within=timedelta(hours=6), heartbeat=None, rank=1),
    # An image takes up to 10 s to fetch and 15 s to decode, and an upload to Slack has several
    # steps. After 75 s the person has closed the modal.
    CasePort.show_evidence: replace(
        _SLACK,
        attempt=_seconds(35),
        within=_seconds(75),
        queue=evidence_queue,
        retry=_backoff(0.5, 5),
        rank=1,
    ),
    ReportPort.post_report: replace(_REPORT, heartbeat=_SLACK_HEARTBEAT, queue=slack_queue, rank=5),
    # The press goes on waiting with ROLES_LATER.
    CasePort.roles_of: Options(
        attempt=_ROLES_WITHIN, within=_ROLES_WITHIN, retry=RetryPolicy(maximum_attempts=1)
    ),
    # The request is posted all the same. Nobody looks for a reason after a minute.
    CasePort.approvers_of: Options(
        attempt=_ROLES_WITHIN, within=_seconds(60), retry=_backoff(1, 10)
    ),
    # Platform
    CasePort.carry_out: replace(CARRY_OUT_LONG, within=FIRST_TRY, retry=_backoff(0.3, 2)),
    CasePort.dry_run: _PLATFORM,
    CasePort.read_back: replace(_PLATFORM, within=FIRST_TRY),
    AppealPort.send_notice: replace(NOTICE_LONG, heartbeat=None),
    # A thousand subjects take seconds to read; after three minutes the person has moved on.
    BulkPort.bulk_of: Options(
        attempt=_seconds(90),
        within=timedelta(minutes=3),
        queue=platform_queue,
        retry=_backoff(1, 10),
    ),
    # Temporal
    CasePort.deliver: _DELIVER,
    # It fails for as long as the enforcement runs. Attempts add nothing to the history.
    CasePort.outcome: Options(attempt=_seconds(10), retry=_backoff(1, 300)),
    ReportPort.gather_report: _REPORT,
    # Detectors
    DetectorPort.plan_run: replace(LEDGER, rank=4),
    DetectorPort.note_run: replace(LEDGER, rank=4),
    DetectorPort.check_heartbeats: replace(LEDGER, rank=4),
    # The source's own limit is at most an hour. Alerts are submitted while Temporal is away, too.
    DetectorPort.query_window: Options(
        attempt=timedelta(minutes=70),
        within=timedelta(hours=3),
        heartbeat=_seconds(20),
        queue=detectors_queue,
        retry=_backoff(5, 60),
        rank=4,
    ),
    # A round ends by itself within a minute. Its messages are in the ledger: it can be repeated.
    DetectorPort.send_feedback: Options(
        attempt=timedelta(minutes=2),
        heartbeat=_seconds(10),
        queue=platform_queue,
        retry=_backoff(1, 60),
        rank=5,
    ),
    DetectorPort.message_owner: replace(_SLACK, within=timedelta(hours=6), heartbeat=None, rank=4),
    # Changes of the policy. A message that comes a day late is of no use; `history` has it.
    PolicyPort.plan_policy_notices: replace(LEDGER, rank=3),
    PolicyPort.end_policy_notices: replace(LEDGER, rank=3),
    PolicyPort.show_policy_notice: replace(
        _SLACK, within=timedelta(hours=24), heartbeat=None, rank=3
    ),
    # Behind everything else: a run has the whole night.
    RetentionPort.erase_batch: replace(LEDGER, attempt=_seconds(60), rank=5),
    RetentionPort.end_retention: replace(LEDGER, rank=5),
    RetentionPort.delete_pictures: replace(
        _SLACK,
        attempt=timedelta(minutes=5),
        within=timedelta(hours=1),
        heartbeat=_seconds(30),
        queue=evidence_queue,
        rank=5,
    ),
}
"""The usual options of each activity; the named ones above are for its other uses."""


def start(
    activity: Callable[[Any, A], Awaitable[R]],
    argument: A,
    options: Options | None = None,
    *,
    rank: int | None = None,
    fairness: str | None = None,
) -> ActivityHandle[R]:
    """Starts an activity with `options`, by default those of the table.

    `rank` replaces their priority. Activities of equal rank take turns by their `fairness` key,
    at most 64 bytes (`temporalio.common.Priority`).
    """
    chosen = options or OPTIONS[activity]
    return workflow.start_activity_method(
        activity,
        argument,
        task_queue=chosen.queue(workflow.info().task_queue) if chosen.queue else None,
        start_to_close_timeout=chosen.attempt,
        schedule_to_close_timeout=chosen.within,
        heartbeat_timeout=chosen.heartbeat,
        retry_policy=chosen.retry,
        cancellation_type=(
            ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
            if chosen.waits_for_cancel
            else ActivityCancellationType.TRY_CANCEL
        ),
        priority=Priority(priority_key=rank or chosen.rank, fairness_key=fairness),
    )


async def execute(
    activity: Callable[[Any, A], Awaitable[R]],
    argument: A,
    options: Options | None = None,
    *,
    rank: int | None = None,
) -> R:
    """Returns the result of an activity, as `start` starts it. Raises `ActivityError`.

    An activity with a forged result is called again, up to `MOST_FORGED` times: all are idempotent.
    """
    for _ in range(MOST_FORGED - 1):
        try:
            return await start(activity, argument, options, rank=rank)
        except ActivityError as error:
            if not is_forged(error):
                raise
    return await start(activity, argument, options, rank=rank)


def is_forged(error: BaseException | None) -> bool:
    """Whether an activity has failed because its results were forged."""
    cause = error.cause if isinstance(error, ActivityError) else None
    return isinstance(cause, ApplicationError) and cause.type == UNSEALED_RESULT
