"""The calls of one enforcement to the platform: a quick try, then patience, then reading back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows.activity_options import CARRY_OUT_LONG, READ_BACK_LONG, Options, execute, start
from workflows.domain.case.decision import Measure
from workflows.domain.case.enforcement import (
    FIRST_TRY,
    NOT_DONE,
    ActionReport,
    ActionStatus,
    Problem,
    ProblemKind,
)
from workflows.inputs import EnforcementStart, Job
from workflows.ports import cases
from workflows.ports.cases import Direction, Order, Result


class ActionRun:
    """One action. `standing` while it is in effect; `held` while it must not be lifted yet."""

    def __init__(self, job: Job, start: EnforcementStart, now: datetime) -> None:
        self.job = job
        # Fixed once, so that a retry sends the same body under the same idempotency key.
        ends = job.planned.lasts is not None and not start.told_only
        self.until = now + job.planned.lasts if ends and job.planned.lasts else None
        self.standing = start.undo or start.told_only
        self.held = False
        self.tried = False
        self.life = 1
        self.status = ActionStatus.DONE if start.told_only else ActionStatus.PENDING
        self.problem: Problem | None = None
        self.would = ""

    def again(self, now: datetime) -> None:
        """Makes ready for another try.

        What was taken back, or whose time passed meanwhile, is a new change to the platform: its
        old key would be answered with the old result.
        """
        passed = self.until is not None and self.until <= now
        if passed and self.job.planned.lasts is not None:
            self.until = now + self.job.planned.lasts
        self.life += passed or self.status is ActionStatus.ROLLED_BACK
        # Else news of another action would tell of this one as it was before.
        self.status, self.problem = ActionStatus.PENDING, None

    @property
    def failed(self) -> bool:
        """Whether it was not done, and a person has to say what becomes of it."""
        return self.status is ActionStatus.FAILED and not self.standing

    @property
    def not_done(self) -> bool:
        """Whether a retry tries it again."""
        return self.status in NOT_DONE and not self.standing

    @property
    def undoable(self) -> bool:
        """Whether it stands and can be taken back."""
        return self.standing and self.job.spec.undo is not None

    @property
    def lifts_at(self) -> datetime | None:
        """When it is to be lifted; None where it is not, or not yet."""
        return self.until if self.standing and not self.held else None

    @property
    def report(self) -> ActionReport:
        """What the case hears of it."""
        return ActionReport(
            action=self.job.planned.key,
            status=self.status,
            until=self.until if self.standing else None,
            problem=self.problem,
            would=self.would,
        )

    @property
    def measure(self) -> Measure:
        """What the person acted upon hears of it."""
        return Measure(title=self.job.spec.title, lasts=self.job.planned.lasts)


READ_AGAIN = (timedelta(0), timedelta(seconds=1), timedelta(seconds=3))
"""A platform may show a change a moment late: it is read three times before that counts."""


class Overtaken(Exception):
    """It is not wanted any more: the call was given up while it was being retried."""


class PlatformCalls:
    """What one enforcement asks of the platform."""

    def __init__(
        self,
        start: EnforcementStart,
        tell: Callable[[], Awaitable[None]],
        overtaken: Callable[[], bool],
        held: Callable[[ActionRun], bool],
    ) -> None:
        """`tell` tells the case how things stand; `overtaken` ends a protection's retries.

        So does its own time, unless it is `held` beyond it.
        """
        self._start = start
        self._tell = tell
        self._overtaken = overtaken
        self._held = held

    async def do(self, track: ActionRun) -> Result:
        """Makes the change and reads it back. Raises `Overtaken`."""
        order = self._order(track, Direction.DO, self._start.actor)
        if self._start.dry_run:
            return await execute(cases.dry_run, order, rank=self._start.rank)
        track.tried = True
        result = await self._carry_out(track, order, track.job.spec.deadline)
        if result.status is ActionStatus.DONE and track.job.spec.verify is not None:
            return await self._read_back(track, order)
        return result

    async def shows(self, track: ActionRun) -> bool:
        """Whether the platform shows the change; True where it can't be read."""
        if track.job.spec.verify is None:
            return True
        try:
            result = await self._read(self._order(track, Direction.DO, None))
        except FailureError:
            return True
        return result.status is ActionStatus.VERIFIED

    async def take_back(self, track: ActionRun, by: str | None, forever: bool) -> Result:
        """Takes the change back; `forever` without a deadline.

        A measure must not outlive its time because of an outage.
        """
        order = self._order(track, Direction.UNDO, by)
        return await self._carry_out(track, order, None if forever else track.job.spec.deadline)

    def _order(self, track: ActionRun, direction: Direction, actor: str | None) -> Order:
        return Order(
            case=self._start.case,
            decision=self._start.decision,
            planned=track.job.planned,
            spec=track.job.spec,
            direction=direction,
            actor=actor,
            until=track.until,
            life=track.life,
            unsure=direction is Direction.UNDO and not track.standing,
        )

    async def _carry_out(
        self, track: ActionRun, order: Order, deadline: timedelta | None
    ) -> Result:
        """A quick try first; if the platform does not answer, the card says so, and on it goes."""
        protects = self._start.protects and order.direction is Direction.DO
        try:
            quick = start(cases.carry_out, order, rank=self._start.rank)
            return await (self._while_wanted(track, quick, FIRST_TRY) if protects else quick)
        except FailureError as error:
            track.status, track.problem = ActionStatus.RETRYING, problem_of(error)
            await self._tell()
        options = replace(CARRY_OUT_LONG, within=deadline)
        call = start(cases.carry_out, order, options, rank=self._start.rank)
        try:
            if protects:
                return await self._while_wanted(track, call, deadline, overtaken=self._overtaken)
            return await call
        except FailureError as error:
            return Result(status=ActionStatus.FAILED, problem=problem_of(error))

    async def _while_wanted(
        self,
        track: ActionRun,
        call: "workflow.ActivityHandle[Result]",
        within: timedelta | None,
        overtaken: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Lets a call go when it is not wanted any more, after the try that is under way."""
        watch = asyncio.create_task(self._unwanted(track, within, overtaken))
        done, _ = await workflow.wait([call, watch], return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        if call in done:
            return await call
        call.cancel()
        try:
            return await call
        except FailureError as error:
            raise Overtaken from error
        except asyncio.CancelledError as error:
            raise Overtaken from error

    async def _unwanted(
        self, track: ActionRun, within: timedelta | None, overtaken: Callable[[], bool]
    ) -> None:
        """Returns once somebody wants something else, or the time is up of what nobody holds.

        A timer is only set where that comes before the call gives up by itself, `within`.
        """
        left = None if track.until is None else track.until - workflow.now()
        if left is None or (within is not None and left >= within):
            await workflow.wait_condition(overtaken)
            return
        try:
            await workflow.wait_condition(overtaken, timeout=max(left, timedelta(milliseconds=1)))
        except TimeoutError:
            await workflow.wait_condition(lambda: overtaken() or not self._held(track))

    async def _read_back(self, track: ActionRun, order: Order) -> Result:
        """Reads until the platform shows the change; DONE where it can't be read at all.

        Where it can't be read soon, the case hears meanwhile that it is done.
        """
        result = Result(status=ActionStatus.DONE)
        for pause in READ_AGAIN:
            if pause:
                await workflow.sleep(pause)
            try:
                result = await self._read(order)
            except FailureError:
                return await self._read_at_last(track, order)
            if result.status is ActionStatus.VERIFIED:
                break
        return result

    async def _read_at_last(self, track: ActionRun, order: Order) -> Result:
        track.status, track.standing = ActionStatus.DONE, True
        await self._tell()
        try:
            return await self._read(order, READ_BACK_LONG)
        except FailureError:
            return Result(status=ActionStatus.DONE)

    async def _read(self, order: Order, options: Options | None = None) -> Result:
        return await execute(cases.read_back, order, options, rank=self._start.rank)


def problem_of(error: BaseException | None) -> Problem:
    """Returns the problem of the last attempt; UNREACHABLE if that timed out."""
    while error is not None and not isinstance(error, ApplicationError):
        error = error.__cause__
    if isinstance(error, ApplicationError) and error.details:
        return Problem.model_validate(error.details[0])
    return Problem(kind=ProblemKind.UNREACHABLE)
