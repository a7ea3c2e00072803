"""One decision at the platform: carried out, read back, lifted in time, taken back if wanted."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from workflows import ports
    from workflows.domain.enforcement import (
        FIRST_TRY,
        ActionReport,
        ActionStatus,
        Ask,
        AskKind,
        EnforcementReport,
        Problem,
        ProblemKind,
    )
    from workflows.ports import Delivery, Direction, Order, Result
    from workflows.queues import platform_queue
    from workflows.starts import EnforcementStart, Job

ONE_CALL = timedelta(seconds=15)
QUICKLY = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), maximum_interval=timedelta(seconds=2)
)
PATIENTLY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)
READ_AGAIN = (timedelta(0), timedelta(seconds=1), timedelta(seconds=3))
"""A platform may show a change a moment late: it is read three times before that counts."""
READING = timedelta(minutes=10)


class Track:
    """Where one action stands within this workflow."""

    def __init__(self, job: Job, until: datetime | None, standing: bool) -> None:
        self.job = job
        self.until = until
        self.standing = standing
        self.status = ActionStatus.PENDING
        self.problem: Problem | None = None

    @property
    def waits(self) -> bool:
        """Whether a person has to say what becomes of the failure."""
        return self.status is ActionStatus.FAILED and not self.standing

    @property
    def report(self) -> ActionReport:
        return ActionReport(
            action=self.job.planned.key,
            status=self.status,
            until=self.until if self.standing else None,
            problem=self.problem,
        )


@workflow.defn
class EnforcementWorkflow:
    """Carries one decision out. Stays while something can fail, be lifted or be retried."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        now = workflow.now()
        self._start = start
        self._asks: deque[Ask] = deque()
        self._told = 0
        self._tracks = [Track(job, _until(job, now), start.undo) for job in start.jobs]

    @workflow.signal
    def ask(self, ask: Ask) -> None:
        """A person wants a retry, an end of retries, or an undo."""
        self._asks.append(ask)

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """Does it, then waits for lifts and wishes; returns the last news."""
        await self._begin()
        while self._asks or self._stays():
            await self._tell()
            await self._wait()
            await self._lift_due()
            while self._asks:
                await self._obey(self._asks.popleft())
        if self._told:
            await self._tell()
        return self._report()

    async def _begin(self) -> None:
        if self._start.undo:
            await self._take_back(self._tracks, ActionStatus.UNDONE, self._start.actor)
        else:
            await self._apply(self._tracks)

    def _stays(self) -> bool:
        return any(track.waits for track in self._tracks) or self._next_lift() is not None

    def _next_lift(self) -> datetime | None:
        times = [t.until for t in self._tracks if t.standing and t.until is not None]
        return min(times, default=None)

    async def _wait(self) -> None:
        lift = self._next_lift()
        if lift is None:
            await workflow.wait_condition(lambda: bool(self._asks))
            return
        left = max(lift - workflow.now(), timedelta(milliseconds=1))
        with suppress(TimeoutError):  # then the time to lift has come
            await workflow.wait_condition(lambda: bool(self._asks), timeout=left)

    async def _obey(self, ask: Ask) -> None:
        if ask.kind is AskKind.RETRY:
            await self._apply([track for track in self._tracks if track.waits])
        elif ask.kind is AskKind.GIVE_UP:
            for track in self._tracks:
                if track.waits:
                    track.status, track.problem = ActionStatus.GIVEN_UP, None
        else:
            standing = [track for track in self._tracks if track.standing and track.job.spec.undo]
            await self._take_back(standing, ActionStatus.UNDONE, ask.by)

    async def _lift_due(self) -> None:
        now = workflow.now()
        due = [t for t in self._tracks if t.standing and t.until is not None and t.until <= now]
        if due:
            await self._take_back(due, ActionStatus.LIFTED, None)

    async def _apply(self, tracks: Iterable[Track]) -> None:
        await asyncio.gather(*(self._apply_one(track) for track in tracks))

    async def _apply_one(self, track: Track) -> None:
        order = self._order(track, Direction.DO, self._start.actor)
        result = await self._carry_out(track, order, track.job.spec.deadline)
        if result.status is ActionStatus.DONE and track.job.spec.verify is not None:
            result = await self._read_back(track, order)
        track.status, track.problem = result.status, result.problem
        track.standing = result.status is not ActionStatus.FAILED

    async def _take_back(
        self, tracks: Iterable[Track], becomes: ActionStatus, by: str | None
    ) -> None:
        await asyncio.gather(*(self._take_back_one(track, becomes, by) for track in tracks))

    async def _take_back_one(self, track: Track, becomes: ActionStatus, by: str | None) -> None:
        # A lift has no deadline: a measure must not outlive its time because of an outage.
        lift = becomes is ActionStatus.LIFTED
        order = self._order(track, Direction.UNDO, by)
        result = await self._carry_out(track, order, None if lift else track.job.spec.deadline)
        if result.status is ActionStatus.FAILED:
            track.status, track.problem = ActionStatus.FAILED, result.problem
            track.until = None if lift else track.until
            return
        track.status, track.problem, track.standing = becomes, None, False

    def _order(self, track: Track, direction: Direction, actor: str | None) -> Order:
        return Order(
            case=self._start.case,
            decision=self._start.decision,
            planned=track.job.planned,
            spec=track.job.spec,
            direction=direction,
            actor=actor,
            until=track.until,
        )

    async def _carry_out(self, track: Track, order: Order, deadline: timedelta | None) -> Result:
        """A quick try first; if the platform does not answer, the card says so, and on it goes."""
        try:
            return await self._call(order, FIRST_TRY, QUICKLY)
        except FailureError as error:
            track.status, track.problem = ActionStatus.RETRYING, _problem(error)
            await self._tell()
        try:
            return await self._call(order, deadline, PATIENTLY)
        except FailureError as error:
            return Result(status=ActionStatus.FAILED, problem=_problem(error))

    async def _call(self, order: Order, within: timedelta | None, retry: RetryPolicy) -> Result:
        return await workflow.execute_activity(
            ports.carry_out,
            order,
            task_queue=platform_queue(workflow.info().task_queue),
            schedule_to_close_timeout=within,
            start_to_close_timeout=ONE_CALL,
            retry_policy=retry,
            priority=Priority(priority_key=self._start.rank),
        )

    async def _read_back(self, track: Track, order: Order) -> Result:
        """Reads until the platform shows the change; DONE where it can't be read at all."""
        result = Result(status=ActionStatus.DONE)
        for pause in READ_AGAIN:
            if pause:
                await workflow.sleep(pause)
            try:
                result = await self._read(order)
            except FailureError:
                return Result(status=ActionStatus.DONE)
            if result.status is ActionStatus.VERIFIED:
                break
        return result

    async def _read(self, order: Order) -> Result:
        return await workflow.execute_activity(
            ports.read_back,
            order,
            task_queue=platform_queue(workflow.info().task_queue),
            schedule_to_close_timeout=READING,
            start_to_close_timeout=ONE_CALL,
            retry_policy=PATIENTLY,
            priority=Priority(priority_key=self._start.rank),
        )

    def _report(self) -> EnforcementReport:
        return EnforcementReport(
            id=f"{workflow.info().run_id}/{self._told}",
            case=self._start.case,
            decision=self._start.decision,
            actions=tuple(t.report for t in self._tracks if t.status is not ActionStatus.PENDING),
        )

    async def _tell(self) -> None:
        """Tells the case, waking it up where it is closed."""
        self._told += 1
        report = self._report()
        case = workflow.get_external_workflow_handle(self._start.route)
        try:
            await case.signal("report", report)
        except FailureError:
            await workflow.execute_activity(
                ports.deliver,
                Delivery(case=self._start.case, report=report),
                start_to_close_timeout=ONE_CALL,
                retry_policy=PATIENTLY,
            )


def _until(job: Job, now: datetime) -> datetime | None:
    """Fixed once, so that a retry sends the same body under the same idempotency key."""
    return None if job.planned.lasts is None else now + job.planned.lasts


def _problem(error: FailureError) -> Problem:
    """What the last attempt said; a timeout says no more than that nobody answered."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    if isinstance(cause, ApplicationError) and cause.details:
        return Problem.model_validate(cause.details[0])
    return Problem(kind=ProblemKind.UNREACHABLE)
