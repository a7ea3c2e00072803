"""`koban detect` and `koban feedback`: runs and pauses of detectors, and undelivered verdicts."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from activities.detector_runs import DetectorActivities, Submit, Unusable, Validate
from activities.detectors.sources import QueryFailed
from activities.ledger.database import LedgerUnavailable
from activities.ledger.detectors import DetectorLedger
from activities.ledger.feedback import FeedbackLedger
from activities.ledger.team import Automation
from activities.platform.client import Platform
from activities.slack.client import SECONDS as SLACK_SECONDS
from activities.slack.directory import Directory, RolesUnknown
from bot.admission import AlertSubmitter
from bot.cli.process import need_tables, open_database, open_http, open_web, run
from bot.errors import InputWrong, NotReachable, Stop
from bot.http.validation import Window as Times
from bot.http.validation import read_row
from bot.policies import Policies, open_policies
from bot.policy_recorder import FolderRecorder
from bot.services.slack import Services, make_services
from bot.settings import Ingest, Settings, load_settings, need
from bot.slack.commands.automation import AutomationMessages, find_scope
from bot.slack.commands.parser import plainly
from bot.slack.listener import SlackContext, make_context
from bot.tasks import Background
from bot.temporal import open_client
from bot.timeouts import PRODUCTION
from workflows.client import FeedbackClient, OutOfReach, run_detector
from workflows.domain.alerts import Alert, Outcome
from workflows.domain.automation import (
    ASK_LASTS,
    LONGEST,
    AutomationChange,
    PauseChange,
    Scope,
    Unchanged,
)
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
from workflows.domain.people import Actor, Role, is_user_id
from workflows.domain.policy.detectors import SqlQuery
from workflows.domain.values import parse_duration, visible

_WORDS = {
    RunProblemKind.UNREACHABLE: "The source is out of reach: {detail}.",
    RunProblemKind.REFUSED: "The source returned an error: {detail}.",
    RunProblemKind.TOO_SLOW: "The query does not finish within its limit of seconds.",
    RunProblemKind.TOO_MANY: "The query has more rows than its limit.",
    RunProblemKind.NO_COLUMN: "The result has no column {detail}.",
    RunProblemKind.NO_SOURCE: "The query can't be run: {detail}.",
}


_NAME = "A detector with `sql:` in the policy folder; for a pause any detector."
_Name = Annotated[str, typer.Argument(help=_NAME)]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the alerts as JSON lines; send nothing.")
]
_SINCE = "With --dry-run: rows after this time (UTC), not from the watermark."
_Since = Annotated[datetime | None, typer.Option(help=_SINCE)]
_UNTIL = "With --dry-run: rows up to this time (UTC)."
_Until = Annotated[datetime | None, typer.Option(help=_UNTIL)]
_PAUSE = "Pause its automation and its query; it needs --by."
_Pause = Annotated[bool, typer.Option("--pause", help=_PAUSE)]
_RESUME = "Request to resume it, which a lead confirms in Slack; it needs --by."
_Resume = Annotated[bool, typer.Option("--resume", help=_RESUME)]
_BY = "With --pause or --resume: the Slack user id of who does it, such as U0ABC."
_By = Annotated[str | None, typer.Option(help=_BY)]
_FOR = "With --pause: its time, such as 30m or 2h; without it two people end the pause."
_For = Annotated[str | None, typer.Option("--for", help=_FOR)]


def detect(
    name: _Name,
    dry_run: _DryRun = False,
    since: _Since = None,
    until: _Until = None,
    pause: _Pause = False,
    resume: _Resume = False,
    by: _By = None,
    lasts: _For = None,
) -> int:
    """Run a SQL detector now, or pause a detector or request to resume it."""
    if dry_run + pause + resume > 1:
        raise InputWrong("Use only one of --dry-run, --pause and --resume.")
    if not dry_run and (since is not None or until is not None):
        raise InputWrong("A run continues at its watermark: use --since with --dry-run.")
    order = _order(pause, resume, by, lasts)
    settings = load_settings()
    policies = open_policies(settings)
    if order is not None:
        return run(_change(settings, policies, name, order))
    query = _query(policies, name)
    if not dry_run:
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


# -- pauses -----------------------------------------------------------------------------

_PATIENT = replace(PRODUCTION, language=float(SLACK_SECONDS))
"""A command may wait for the languages of people; a click may not."""
DRAIN_SECONDS = 10
"""Seconds for what still runs after the messages were sent."""
_UNCHANGED = {
    Unchanged.ROLE_NEEDED: "{by} is no specialist or lead, who alone may pause or resume "
    "{detector}.",
    Unchanged.TOO_LONG: f"A pause lasts {LONGEST.days} days at most: use a shorter --for.",
    Unchanged.NOT_PAUSED: "There is nothing to resume: {detector} is not paused.",
    Unchanged.ALL_PAUSED: "All automation is paused, and {detector} has no pause of its own: "
    "ask for all with /koban resume all in Slack.",
    Unchanged.ALREADY_ASKED: "A request to resume {detector} is open, and nothing was changed: "
    "a lead confirms it in Slack.",
}
"""What `Automation.pause` and `Automation.request_resume` refuse for a detector."""

Decide = Callable[[Automation, Actor, Scope, datetime], Awaitable[AutomationChange | Unchanged]]


@dataclass(frozen=True)
class Order:
    """A change that somebody wants: the Slack user id, which nothing proves, and the change."""

    by: str
    decide: Decide


def _order(pause: bool, resume: bool, by: str | None, lasts: str | None) -> Order | None:
    """The wanted change, None for a run. Raises `InputWrong`."""
    if lasts is not None and not pause:
        raise InputWrong("--for is the time of a pause: use it with --pause.")
    if not pause and not resume:
        if by is not None:
            raise InputWrong("--by is for a change: use it with --pause or --resume.")
        return None
    if by is None:
        raise InputWrong("Say who does it: --by and a Slack user id, such as --by U0ABC.")
    if not is_user_id(by):
        raise InputWrong(f"{visible(by)[:32]} is no Slack user id: it looks like U0ABC.")
    return Order(by, _pausing(lasts) if pause else Automation.request_resume)


def _pausing(lasts: str | None) -> Decide:
    try:
        time = None if lasts is None else parse_duration(lasts)
    except ValueError:
        raise InputWrong(f"{visible(str(lasts))[:32]} is no time: write 30m, 2h or 3d.") from None
    return lambda automation, by, scope, now: automation.pause(by, scope, time, now)


async def _change(settings: Settings, policies: Policies, name: str, order: Order) -> int:
    """Makes a change as `koban serve` does for `/koban`, with its messages."""
    async with AsyncExitStack() as opened:
        context = await _open_context(opened, settings, policies)
        services = context.services
        scope = await _scope_named(name, services)
        actor = Actor(id=order.by, roles=await _roles_of(order.by, services.people))
        outcome = await order.decide(services.automation, actor, scope, datetime.now(UTC))
        detector = _kind_and_name(str(scope.detector), policies)
        if isinstance(outcome, Unchanged):
            raise InputWrong(_UNCHANGED[outcome].format(by=order.by, detector=detector))
        print(_changed_line(outcome, detector, policies), flush=True)
        await _send_messages(AutomationMessages(context), outcome)
    return 0


async def _open_context(
    opened: AsyncExitStack, settings: Settings, policies: Policies
) -> SlackContext:
    """Opens what answers people in Slack, with the policy in force."""
    need(settings, "slack.bot_token", "platform.base_url")
    database = await opened.enter_async_context(open_database(settings.ledger))
    await need_tables(database)
    web = await open_web(opened, settings)
    platform = Platform(await open_http(opened, settings))
    client = await open_client(settings.temporal)
    services = make_services(client, web, database, platform, policies, settings, _PATIENT)
    # Roles that wait for a second person must not count here either.
    await FolderRecorder(policies, services.policy_history).first()
    background = Background()
    opened.push_async_callback(background.drain, DRAIN_SECONDS)
    return make_context(services, web, background)


async def _scope_named(name: str, services: Services) -> Scope:
    """The detector that `/koban pause detector NAME` means. Raises `InputWrong`."""
    texts = services.texts(services.language)
    named = Scope(detector=plainly(name.strip()))
    found = await find_scope("pause", named, "", services, texts)
    if isinstance(found, Scope):
        return found
    names = ", ".join(sorted(services.policies.detectors())) or "none"
    raise InputWrong(
        f"{visible(name)[:64]} is no detector of the policy ({names}), and has sent no alert."
    )


async def _roles_of(person: str, people: Directory) -> frozenset[Role]:
    try:
        return await people.roles(person)
    except RolesUnknown as error:
        raise NotReachable(
            f"Slack does not say which roles {person} has, so nothing was changed: try again."
        ) from error


def _kind_and_name(detector: str, policies: Policies) -> str:
    shown = visible(detector)[:64]
    known = policies.detectors().get(detector)
    if known is None:
        return f"the pushed detector {shown} (without a file in the policy)"
    return f"the {'pushed' if known.sql is None else 'SQL'} detector {shown}"


def _changed_line(change: AutomationChange, detector: str, policies: Policies) -> str:
    if change.kind is PauseChange.RESUME_ASKED:
        within = f"within {int(ASK_LASTS / timedelta(minutes=1))} minutes"
        lead = f"a lead other than {change.by}"
        return f"Requested to resume {detector}: {lead} confirms it in Slack {within}."
    known = policies.detectors().get(str(change.detector))
    pushed = known is None or known.sql is None
    alerts = "its alerts still open cases, but" if pushed else "its query does not run, its alerts"
    end = "two people resume it" if change.until is None else f"{change.until:%Y-%m-%dT%H:%M:%SZ}"
    return f"Paused {detector} until {end}: {alerts} start no action by themselves."


async def _send_messages(messages: AutomationMessages, change: AutomationChange) -> None:
    """Sends the messages to their end. Raises `NotReachable` with those not confirmed."""
    sending = messages.start(change)
    answered = await messages.to_person(change)
    missed = await asyncio.shield(sending)  # interrupted by the keyboard, it is drained
    leads = ("the leads",) if missed.leads is None else missed.leads
    names = ", ".join([*leads, *missed.channels, *(() if answered else (change.by,))])
    what = "pause" if change.kind is PauseChange.PAUSED else "request"
    if names:
        raise NotReachable(
            f"The {what} is in force, but Slack did not confirm the messages to {names}: "
            "tell them yourself."
        )


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
