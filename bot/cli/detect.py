"""`koban detect` and `koban feedback`: a run of a SQL detector, and undelivered verdicts."""

import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from activities.detector_runs import DetectorActivities, Submit, Unusable, Validate
from activities.detectors.sources import QueryFailed
from activities.ledger.database import LedgerUnavailable
from activities.ledger.detectors import DetectorLedger
from activities.ledger.feedback import FeedbackLedger
from bot.admission import AlertSubmitter
from bot.cli.process import open_database, run
from bot.errors import InputWrong, NotReachable, Stop
from bot.http.validation import Window as Times
from bot.http.validation import read_row
from bot.policies import Policies, open_policies
from bot.settings import Ingest, Settings, load_settings
from bot.temporal import open_client
from workflows.client import FeedbackClient, OutOfReach, run_detector
from workflows.domain.alerts import Alert, Outcome
from workflows.domain.detection import (
    FIRST_WINDOW,
    DetectorState,
    JunkRow,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
    window,
)
from workflows.domain.feedback import (
    FeedbackCount,
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
)
from workflows.domain.policy.detectors import SqlQuery
from workflows.domain.values import visible

_WORDS = {
    RunProblemKind.UNREACHABLE: "The source is out of reach: {detail}.",
    RunProblemKind.REFUSED: "The source returned an error: {detail}.",
    RunProblemKind.TOO_SLOW: "The query does not finish within its limit of seconds.",
    RunProblemKind.TOO_MANY: "The query has more rows than its limit.",
    RunProblemKind.NO_COLUMN: "The result has no column {detail}.",
    RunProblemKind.NO_SOURCE: "The query can't be run: {detail}.",
}


_Name = Annotated[str, typer.Argument(help="A detector with `sql:` in the policy folder.")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the alerts as JSON lines; send nothing.")
]
_SINCE = "With --dry-run: rows after this time (UTC), not from the watermark."
_Since = Annotated[datetime | None, typer.Option(help=_SINCE)]
_UNTIL = "With --dry-run: rows up to this time (UTC)."
_Until = Annotated[datetime | None, typer.Option(help=_UNTIL)]


def detect(
    name: _Name, dry_run: _DryRun = False, since: _Since = None, until: _Until = None
) -> int:
    """Run a SQL detector now."""
    settings = load_settings()
    policies = open_policies(settings)
    query = _query(policies, name)
    if not dry_run:
        if since is not None or until is not None:
            raise InputWrong("A run continues at its watermark: use --since with --dry-run.")
        return _report(run(_run(settings, name)))
    wanted = _between(settings, query, name, since, until)
    return run(_print_alerts(settings, policies, name, wanted))


def _between(
    settings: Settings, query: SqlQuery, name: str, since: datetime | None, until: datetime | None
) -> Window:
    """The window of a dry run."""
    now = datetime.now(UTC)
    wanted = run(_window(settings, query, name, now))
    bounds = {"since": _utc(since), "until": _utc(until)}
    wanted = wanted.model_copy(update={key: at for key, at in bounds.items() if at is not None})
    if wanted.since >= wanted.until:
        raise InputWrong("There is nothing between --since and --until.")
    return wanted


def _query(policies: Policies, name: str) -> SqlQuery:
    detector = policies.detectors().get(name)
    if detector is None or detector.sql is None:
        known = sorted(n for n, each in policies.detectors().items() if each.sql is not None)
        names = ", ".join(known) or "none"
        raise InputWrong(f"{visible(name)[:64]} is no SQL detector of the policy ({names}).")
    return detector.sql


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


async def _window(settings: Settings, query: SqlQuery, name: str, now: datetime) -> Window:
    """The next window of the detector, or its last day where nothing is due."""
    state = await _state(settings, name)
    # A pause, or the wait after a failure, is no reason to print nothing.
    bare = DetectorState(detector=name, watermark=state.watermark)
    until = now - query.watermark.lag
    return window(bare, query, now) or Window(since=until - FIRST_WINDOW, until=until)


async def _state(settings: Settings, name: str) -> DetectorState:
    """The state in the ledger; a new one where there is none: a dry run needs no ledger."""
    async with open_database(settings.ledger) as database:
        try:
            return await DetectorLedger(database).state(name)
        except LedgerUnavailable:
            return DetectorState(detector=name)


async def _print_alerts(settings: Settings, policies: Policies, name: str, wanted: Window) -> int:
    async with open_database(settings.ledger) as database:
        activities = DetectorActivities(
            DetectorLedger(database), policies, row_reader(settings.ingest), _never, wanted.until
        )
        try:
            alerts, junk, rows = await activities.read(name, wanted)
        except QueryFailed as failed:
            raise _stop(RunProblem(kind=failed.kind, detail=failed.detail)) from failed
    for alert in alerts:
        print(alert.model_dump_json(exclude_none=True))
    for each in junk:
        print(_junk_line(each), file=sys.stderr)
    print(f"{rows} rows, {len(alerts)} alerts, {len(junk)} unusable.", file=sys.stderr)
    return 0


async def _never(_alerts: object) -> list[Outcome]:
    raise AssertionError("a dry run sends nothing")


async def _run(settings: Settings, name: str) -> RunResult:
    client = await open_client(settings.temporal)
    try:
        return await run_detector(client, settings.temporal.task_queue, name)
    except WorkflowFailureError as error:
        raise NotReachable("The run was ended at Temporal: start it again.") from error
    except OutOfReach as error:
        raise NotReachable(f"The run was not started: {error}. Try again.") from error


def _report(result: RunResult) -> int:
    if result.problem is not None:
        raise _stop(result.problem)
    for each in result.examples:
        print(_junk_line(each), file=sys.stderr)
    counts = f"{result.alerts} new alerts, {result.duplicates} known, {result.junk} unusable"
    print(f"{result.rows} rows: {counts}.")
    return 0


def _junk_line(each: JunkRow) -> str:
    place = f"row {each.row}, {each.field}" if each.row else each.field
    return visible(f"unusable: {place}: {each.reason}")


def _stop(problem: RunProblem) -> Stop:
    sentence = _WORDS[problem.kind].format(detail=problem.detail.rstrip("."))
    out_of_reach = problem.kind in (RunProblemKind.UNREACHABLE, RunProblemKind.TOO_SLOW)
    return NotReachable(sentence) if out_of_reach else InputWrong(sentence)


# -- runs -------------------------------------------------------------------------------


def row_reader(ingest: Ingest) -> Validate:
    """Returns the validation of rows: that of posted alerts."""
    times = Times(ingest.oldest, ingest.newest)

    def read(item: dict[str, Any]) -> Alert | Unusable:
        found = read_row(item, str(item["detector"]), times)
        if isinstance(found, Alert):
            return found
        return Unusable(found.pointer.lstrip("/") or "alert", found.error)

    return read


def submitter(alerts: Callable[[], AlertSubmitter]) -> Submit:
    """Returns the submission of alerts; it raises `TemporalUnavailable`."""

    async def submit(new: Sequence[Alert]) -> list[Outcome]:
        return [each.outcome for each in await alerts().submit(new)]

    return submit


# -- feedback ---------------------------------------------------------------------------

MOST_DEAD = 100
"""Dead messages that are listed for a detector."""
_WHY = {
    FeedbackProblemKind.NO_ADDRESS: "its address is missing or wrong",
    FeedbackProblemKind.NO_SECRET: "its signing secret is missing",
    FeedbackProblemKind.NO_ANSWER: "the receiver does not answer",
    FeedbackProblemKind.REFUSED: "the receiver answered {status}",
    FeedbackProblemKind.GONE: "the receiver takes no more messages (410)",
}


def feedback(
    name: Annotated[
        str | None, typer.Argument(help="A detector with `feedback:` in the policy folder.")
    ] = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send what waits or is dead again, now.")
    ] = False,
) -> int:
    """List the feedback that was not delivered, or send it again."""
    settings = load_settings()
    known = open_policies(settings).with_feedback()
    if name is not None and name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InputWrong(f"{visible(name)[:64]} gets no feedback by the policy ({names}).")
    if resend and name is None:
        raise InputWrong("Name the detector: koban feedback NAME --resend.")
    return run(_resend(settings, str(name)) if resend else _undelivered(settings, name, known))


async def _undelivered(settings: Settings, name: str | None, known: Collection[str]) -> int:
    async with open_database(settings.ledger) as database:
        ledger = FeedbackLedger(database)
        counts = await ledger.counts()
        for each in sorted({*known, *counts} if name is None else {name}):
            count = counts.get(each, FeedbackCount(detector=each))
            print(_count_line(count))
            for message in await ledger.dead(each, MOST_DEAD) if count.dead else ():
                print(_dead_line(message))
    return 0


def _count_line(count: FeedbackCount) -> str:
    line = f"{count.detector}: {count.waiting} waiting, {count.dead} dead"
    if count.problem is not None:
        line += f"; last failure: {_why(count.problem)}"
    if count.next_at is not None:
        line += f"; next attempt at {count.next_at:%Y-%m-%dT%H:%M:%SZ}"
    return visible(f"{line}.")


def _dead_line(message: FeedbackMessage) -> str:
    why = "" if message.problem is None else f": {_why(message.problem)}"
    verdict = f"{message.verdict}{', overturned' if message.overturned else ''}"
    return visible(f"  dead: {message.alert_id}, case {message.case_id}, {verdict}{why}")


def _why(problem: FeedbackProblem) -> str:
    return _WHY[problem.kind].format(status=problem.status)


async def _resend(settings: Settings, name: str) -> int:
    async with open_database(settings.ledger) as database:
        number = await FeedbackLedger(database).resend(name, datetime.now(UTC))
    if number:
        client = await open_client(settings.temporal)
        try:
            await FeedbackClient(client, settings.temporal.task_queue).begin(name, at_once=True)
        except (OutOfReach, RPCError) as error:
            sentence = (
                "Temporal does not answer: the messages are sent within a minute of its return."
            )
            raise NotReachable(sentence) from error
    print(f"{number} messages are sent again.")
    return 0
