"""Detector activities: plan and query of a run, heartbeats, and the delivery of feedback."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from temporalio import activity

from activities.detectors.feedback import NotDelivered, Receiver
from activities.detectors.sources import QueryFailed, Row, query
from activities.detectors.statements import problem as query_problem
from activities.ledger.detectors import DetectorLedger
from activities.ledger.feedback import FeedbackLedger
from workflows.conditions import value_of
from workflows.domain.alerts import Alert, Outcome
from workflows.domain.detection import (
    MOST_EXAMPLES,
    DetectorState,
    JunkRow,
    Message,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
    alert_from,
    columns_of,
    heartbeat,
    outside,
    place_of,
    window,
)
from workflows.domain.feedback import (
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
    FeedbackRound,
)
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.matching import Facts
from workflows.ports.detectors import (
    FeedbackAsk,
    FeedbackDone,
    OwnerMessage,
    RunAsk,
    RunNote,
    WindowRun,
)

AT_ONCE = 500
"""Alerts that are submitted in one call."""


@dataclass(frozen=True)
class Unusable:
    """A row without a valid alert: the field and the reason."""

    field: str
    reason: str


class DetectorPolicy(Protocol):
    """The detectors of the current policy folder."""

    def detectors(self) -> dict[str, Detector]:
        """Returns every detector by its name."""

    def query_of(self, detector: str) -> str | None:
        """Returns the SQL text of a detector; None without one."""

    def source_url(self, source: str) -> str | None:
        """Returns the address of a source; None where it or its variable is missing."""


Validate = Callable[[dict[str, object]], Alert | Unusable]
Submit = Callable[[Sequence[Alert]], Awaitable[Sequence[Outcome]]]
"""Submits alerts once Temporal holds them; raises if it can't be reached."""


class DetectorActivities:
    """Activities of SQL detectors and heartbeats."""

    def __init__(
        self,
        ledger: DetectorLedger,
        policy: DetectorPolicy,
        validate: Validate,
        submit: Submit,
        since: datetime,
        deliver: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`validate` reads the data of an alert; a detector never seen counts from `since`.

        `deliver` starts deliveries of feedback whose start was lost; it is called every minute.
        """
        self._ledger = ledger
        self._policy = policy
        self._validate = validate
        self._submit = submit
        self._since = since
        self._deliver = deliver

    @activity.defn(name="plan_run")
    async def plan_run(self, ask: RunAsk) -> Window | None:
        """The next window of a detector, or None if it is paused, waits, or is up to date."""
        detector = self._policy.detectors().get(ask.detector)
        if detector is None or detector.sql is None:
            return None
        if ask.detector in await self._ledger.paused(ask.at):
            return None
        state = await self._ledger.state(ask.detector)
        if ask.at_once:
            state = state.model_copy(update={"retry_at": None})
        return window(state, detector.sql, ask.at)

    @activity.defn(name="query_window")
    async def query_window(self, run: WindowRun) -> RunResult:
        """Queries a window and submits its alerts; no watermark is moved."""
        try:
            alerts, junk, rows = await self.read(run.detector, run.window)
        except QueryFailed as failed:
            return RunResult(problem=RunProblem(kind=failed.kind, detail=failed.detail))
        outcomes: list[Outcome] = []
        for first in range(0, len(alerts), AT_ONCE):
            outcomes += await self._submit(alerts[first : first + AT_ONCE])
        junk += [
            JunkRow(row=0, field="kind", reason=f"No playbook matches {alert.kind}.")
            for alert, outcome in zip(alerts, outcomes, strict=True)
            if outcome is Outcome.INVALID
        ]
        return RunResult(
            rows=rows,
            alerts=outcomes.count(Outcome.ACCEPTED),
            duplicates=outcomes.count(Outcome.DUPLICATE),
            junk=len(junk),
            examples=tuple(junk[:MOST_EXAMPLES]),
        )

    async def read(self, name: str, rows_of: Window) -> tuple[list[Alert], list[JunkRow], int]:
        """The valid alerts of a window, the unusable rows, and the number of rows.

        Raises `QueryFailed`.
        """
        detector, sql = self._policy.detectors().get(name), self._policy.query_of(name)
        if detector is None or detector.sql is None or detector.alert is None or sql is None:
            raise QueryFailed(RunProblemKind.NO_SOURCE, "the policy has no such query any more")
        url = self._policy.source_url(detector.sql.source)
        if url is None:
            raise QueryFailed(RunProblemKind.NO_SOURCE, f"{detector.sql.source} has no address")
        wrong = query_problem(sql, url.partition(":")[0].partition("+")[0])
        if wrong is not None:
            raise QueryFailed(RunProblemKind.REFUSED, wrong)
        found = await query(url, sql, rows_of, detector.sql.limits)
        for column in columns_of(detector.alert):
            if column not in found.columns:
                raise QueryFailed(RunProblemKind.NO_COLUMN, column)
        alerts: list[Alert] = []
        junk: list[JunkRow] = []
        for number, row in enumerate(found.rows, 1):
            read = self._alert(detector, row)
            if isinstance(read, Alert):
                alerts.append(read)
            else:
                junk.append(JunkRow(row=number, field=read.field, reason=read.reason))
        return alerts, junk, len(found.rows)

    def _alert(self, detector: Detector, row: Row) -> Alert | Unusable:
        assert detector.alert is not None
        facts = Facts({"row": row})
        made = self._validate(alert_from(detector.alert, detector.detector, facts, value_of))
        if isinstance(made, Unusable):
            place = place_of(f"/{made.field}", detector.alert, facts, value_of)
            return Unusable(place.removeprefix("/"), made.reason)
        refused = outside(detector.accepts, made)
        return made if refused is None else Unusable("/".join(refused[0]), refused[1])

    @activity.defn(name="note_run")
    async def note_run(self, note: RunNote) -> OwnerMessage | None:
        """Writes a run and its watermark; returns the message for the owner, if one is due."""
        state, message = await self._ledger.note(note)
        if message is None:
            return None
        return self._message(state, message, note.at, note.result)

    @activity.defn(name="check_heartbeats")
    async def check_heartbeats(self, at: datetime) -> tuple[OwnerMessage, ...]:
        """Looks at the heartbeat of every detector; returns the messages that are due."""
        if self._deliver is not None:
            await self._deliver()
        detectors = self._policy.detectors()
        states = await self._ledger.states(list(detectors))
        heard, paused = await self._ledger.last_alerts(), await self._ledger.paused(at)
        changed: list[DetectorState] = []
        due: list[OwnerMessage] = []
        for name, detector in detectors.items():
            before = states[name]
            # A query that finds nothing is alive; what posts alerts is alive with each alert.
            seen = before.seen_at if detector.sql is not None else heard.get(name)
            rests = detector.sql is not None and name in paused
            state, message = heartbeat(before, detector, seen, self._since, at, paused=rests)
            if state != before:
                changed.append(state)
            if message is not None:
                due.append(self._message(state, message, at))
        await self._ledger.keep(changed)
        return tuple(due)

    def _message(
        self, state: DetectorState, message: Message, at: datetime, result: RunResult | None = None
    ) -> OwnerMessage:
        detector = self._policy.detectors().get(state.detector) or Detector(detector=state.detector)
        return OwnerMessage(
            key=f"{state.detector}/{message.value}/{at.isoformat()}",
            at=at,
            message=message,
            detector=state.detector,
            title=detector.title,
            owner=detector.owner,
            state=state,
            result=result or RunResult(),
        )


AT_ONE_GO = 100
"""Messages of one round of feedback."""
ROUND = 30.0
"""Seconds after which a round begins no further attempt."""

ReceiverOf = Callable[[str], Receiver | FeedbackProblem]
"""Returns the receiver of a detector, or why it has none."""

Post = Callable[[Receiver, FeedbackMessage], Awaitable[None]]
"""Posts a message; raises `NotDelivered`."""

log = structlog.get_logger()


class FeedbackActivities:
    """Activities that deliver feedback."""

    def __init__(
        self,
        ledger: FeedbackLedger,
        post: Post,
        receiver_of: ReceiverOf,
        detectors: Callable[[], Mapping[str, Detector]],
    ) -> None:
        """`receiver_of` is asked for every message, because policy files and secrets change."""
        self._ledger = ledger
        self._post = post
        self._receiver_of = receiver_of
        self._detectors = detectors

    @activity.defn(name="send_feedback")
    async def send_feedback(self, ask: FeedbackAsk) -> FeedbackDone:
        """Posts the messages that are due until one fails; a repeated one has the same id.

        The owner gets a message when some are dead, once a day.
        """
        done = await self._attempts(ask)
        dead = await self._ledger.deaths(ask.detector, ask.at)
        return FeedbackDone(round=done, message=self._message(ask, dead) if dead else None)

    def _message(self, ask: FeedbackAsk, dead: int) -> OwnerMessage:
        name = ask.detector
        detector = self._detectors().get(name) or Detector(detector=name)
        return OwnerMessage(
            key=f"{name}/{Message.UNDELIVERED.value}/{ask.at.date().isoformat()}",
            at=ask.at,
            message=Message.UNDELIVERED,
            detector=name,
            title=detector.title,
            owner=detector.owner,
            state=DetectorState(detector=name),
            count=dead,
        )

    async def _attempts(self, ask: FeedbackAsk) -> FeedbackRound:
        delivered, began = 0, time.monotonic()
        for message in await self._ledger.due(ask.detector, ask.at, AT_ONE_GO):
            if time.monotonic() - began > ROUND:
                break
            failure = await self._attempt(message)
            if failure is None:
                await self._ledger.delivered(message, ask.at)
                delivered += 1
                continue
            log.warning("feedback_failed", detector=ask.detector, problem=failure.problem.kind)
            await self._ledger.failed(message, ask.at, failure.problem)
            if failure.problem.kind is not FeedbackProblemKind.GONE:
                return await self._round(ask, delivered, failed=True, wanted=failure.wait)
        return await self._round(ask, delivered)

    async def _attempt(self, message: FeedbackMessage) -> NotDelivered | None:
        receiver = self._receiver_of(message.detector)
        if isinstance(receiver, FeedbackProblem):
            return NotDelivered(receiver)
        try:
            await self._post(receiver, message)
        except NotDelivered as failure:
            return failure
        return None

    async def _round(
        self,
        ask: FeedbackAsk,
        delivered: int,
        failed: bool = False,
        wanted: timedelta | None = None,
    ) -> FeedbackRound:
        untried = ask.detector in await self._ledger.untried(ask.at)
        next_at = await self._ledger.next_at(ask.detector)
        return FeedbackRound(
            delivered=delivered, failed=failed, wanted=wanted, untried=untried, next_at=next_at
        )
