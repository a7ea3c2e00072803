"""Platform calls of one enforcement: a first try of 8 s, long retries, then reading back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows.activity_options import CARRY_OUT_LONG, READ_BACK_LONG, Options, execute, start
from workflows.domain.case.decision import Measure
from workflows.domain.case.enforcement import (
    ACTING,
    FIRST_TRY,
    NOT_DONE,
    ActionReport,
    ActionState,
    ActionStatus,
    Problem,
    ProblemKind,
    is_new_change,
)
from workflows.inputs import EnforcementStart, Job
from workflows.ports.cases import CasePort, Direction, Order, Result

UNCLEAR = frozenset({ProblemKind.UNREACHABLE, ProblemKind.UNREADABLE, ProblemKind.PAUSES_UNKNOWN})
"""Problems after which the change may have been made by this or an earlier attempt."""


class ActionRun:
    """Run of one action. `in_force`: it is in effect; `held`: it must not be lifted yet.

    `unclear`: it failed without an answer, and may be in effect.
    """

    def __init__(self, job: Job, start: EnforcementStart, now: datetime) -> None:
        self.job = job
        # Fixed by the case: every enforcement sends the same body under the same idempotency key.
        lasts = None if start.notice_only else job.planned.lasts
        self.until = None if lasts is None else (job.began or now) + lasts
        self.in_force = start.undo or start.notice_only
        self.held = False
        self.tried = False
        self.unclear = False
        self.life = job.life
        self.status = ActionStatus.DONE if start.notice_only else ActionStatus.PENDING
        self.problem: Problem | None = None
        self.would = ""
        if job.state is not None:
            self._continue(job.state, start.dry_run)
        if self.wanted and not start.undo and is_new_change(self.status, self.until, now):
            self._renew(now)

    def _continue(self, state: ActionState, dry_run: bool) -> None:
        """Goes on from `state`; a change that was under way may have been made or not."""
        self.until, self.problem = state.until or self.until, state.problem
        self.status, self.in_force = state.status, state.in_force
        if dry_run and state.status in ACTING:
            self.status = ActionStatus.PENDING
            return
        if state.status in ACTING:
            self.status = ActionStatus.FAILED
            self.problem = Problem(kind=ProblemKind.UNREACHABLE)
        without_answer = self.problem is not None and self.problem.kind in UNCLEAR
        self.unclear = self.tried = self.status is ActionStatus.FAILED and without_answer

    def _renew(self, at: datetime) -> None:
        """Makes it a new change, which lasts from `at`."""
        self.life += 1
        if self.job.planned.lasts is not None:
            self.until = at + self.job.planned.lasts

    def again(self, at: datetime) -> None:
        """Resets the action for a retry at `at`, as `ActionState.retried` does in the case."""
        if is_new_change(self.status, self.until, at):
            self._renew(at)
        # Otherwise a report of another action would repeat this one's old status.
        self.status, self.problem, self.unclear = ActionStatus.PENDING, None, False

    @property
    def wanted(self) -> bool:
        """Whether the change is to be made at the start."""
        return self.job.state is None or self.status is ActionStatus.PENDING

    @property
    def failed(self) -> bool:
        """Whether it was not done, and a person has to retry it or give it up."""
        return self.status is ActionStatus.FAILED and not self.in_force

    @property
    def stopped(self) -> bool:
        """Whether a pause of automation stopped it."""
        paused = self.problem is not None and self.problem.kind is ProblemKind.PAUSED
        return self.status is ActionStatus.SKIPPED and paused

    @property
    def not_done(self) -> bool:
        """Whether a retry includes it."""
        return self.status in NOT_DONE and not self.in_force

    @property
    def undoable(self) -> bool:
        """Whether it is in effect and has an undo."""
        return self.in_force and self.job.terms.undoable

    @property
    def lifts_at(self) -> datetime | None:
        """When it is to be lifted; None if it is not, or is held."""
        in_effect = self.in_force or (self.unclear and self.job.terms.undoable)
        return self.until if in_effect and not self.held else None

    @property
    def report(self) -> ActionReport:
        """Its part of the report to the case."""
        return ActionReport(
            action=self.job.planned.key,
            status=self.status,
            until=self.until if self.in_force else None,
            problem=self.problem,
            would=self.would,
            life=self.life,
            undo=self.status is ActionStatus.FAILED and self.in_force,
        )

    @property
    def measure(self) -> Measure:
        """Its part of the notice to the person acted upon."""
        return Measure(title=self.job.terms.title, lasts=self.job.planned.lasts)


READ_AGAIN = (timedelta(0), timedelta(seconds=1), timedelta(seconds=3))
"""Pauses before each reading: a platform may show a change a moment late."""


class Overtaken(Exception):
    """The call was cancelled while it was retried: the change is not wanted any more."""


class PlatformCalls:
    """Calls of one enforcement."""

    def __init__(
        self,
        start: EnforcementStart,
        report: Callable[[], Awaitable[None]],
        overtaken: Callable[[], bool],
        held: Callable[[ActionRun], bool],
    ) -> None:
        """`report` sends the current state to the case.

        A protection is not retried once it is `overtaken`, or once its own time is over unless it
        is `held`.
        """
        self._start = start
        self._report = report
        self._overtaken = overtaken
        self._held = held

    async def do(self, run: ActionRun) -> Result:
        """Makes the change and reads it back. Raises `Overtaken`."""
        order = self._order(run, Direction.DO, self._start.actor)
        if self._start.dry_run:
            return await execute(CasePort.dry_run, order, rank=self._start.rank)
        run.tried = True
        result = await self._carry_out(run, order, run.job.terms.deadline)
        if result.status is ActionStatus.DONE and run.job.terms.verified:
            return await self._read_back(run, order)
        return result

    async def shows(self, run: ActionRun) -> bool | None:
        """Whether the platform shows the change; None if it can't be read."""
        if not run.job.terms.verified:
            return None
        try:
            result = await self._read(self._order(run, Direction.DO, None))
        except FailureError:
            return None
        return result.status is ActionStatus.VERIFIED

    async def undo(self, run: ActionRun, by: str | None, forever: bool) -> Result:
        """Undoes it, `forever` without a deadline: no outage may prolong a measure."""
        order = self._order(run, Direction.UNDO, by)
        return await self._carry_out(run, order, None if forever else run.job.terms.deadline)

    def _order(self, run: ActionRun, direction: Direction, actor: str | None) -> Order:
        return Order(
            case=self._start.case,
            decision=self._start.decision,
            planned=run.job.planned,
            proof=run.job.proof,
            direction=direction,
            actor=actor,
            until=run.until,
            life=run.life,
            began=workflow.info().start_time,
            detectors=self._start.detectors,
            unsure=direction is Direction.UNDO and not run.in_force,
        )

    async def _carry_out(self, run: ActionRun, order: Order, deadline: timedelta | None) -> Result:
        """Tries for 8 s; if the platform does not answer, reports that, and keeps trying."""
        protects = self._start.protects and order.direction is Direction.DO
        try:
            quick = start(CasePort.carry_out, order, rank=self._start.rank)
            return await (self._while_wanted(run, quick, FIRST_TRY) if protects else quick)
        except FailureError as error:
            run.status, run.problem = ActionStatus.RETRYING, problem_of(error)
            await self._report()
        options = replace(CARRY_OUT_LONG, within=deadline)
        call = start(CasePort.carry_out, order, options, rank=self._start.rank)
        try:
            if protects:
                result = await self._while_wanted(run, call, deadline, overtaken=self._overtaken)
            else:
                result = await call
            # The first try may have made the change.
            return result.model_copy(update={"unsure": True})
        except FailureError as error:
            return Result(status=ActionStatus.FAILED, problem=problem_of(error))

    async def _while_wanted(
        self,
        run: ActionRun,
        call: "workflow.ActivityHandle[Result]",
        within: timedelta | None,
        overtaken: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Cancels a call that is not wanted any more, after the attempt under way."""
        watch = asyncio.create_task(self._unwanted(run, within, overtaken))
        done, _ = await workflow.wait([call, watch], return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        if call in done:
            return await call
        call.cancel()
        try:
            return await call
        except (FailureError, asyncio.CancelledError) as error:
            raise Overtaken from error

    async def _unwanted(
        self, run: ActionRun, within: timedelta | None, overtaken: Callable[[], bool]
    ) -> None:
        """Returns once the call is overtaken, or the time of a change that is not held is over.

        A timer is set only if that is before the call times out `within`.
        """
        left = None if run.until is None else run.until - workflow.now()
        if left is None or (within is not None and left >= within):
            await workflow.wait_condition(overtaken)
            return
        try:
            await workflow.wait_condition(overtaken, timeout=max(left, timedelta(milliseconds=1)))
        except TimeoutError:
            await workflow.wait_condition(lambda: overtaken() or not self._held(run))

    async def _read_back(self, run: ActionRun, order: Order) -> Result:
        """Reads until the platform shows the change; DONE if, or while, it can't be read."""
        result = Result(status=ActionStatus.DONE)
        for pause in READ_AGAIN:
            if pause:
                await workflow.sleep(pause)
            try:
                result = await self._read(order)
            except FailureError:
                return await self._read_at_last(run, order)
            if result.status is ActionStatus.VERIFIED:
                break
        return result

    async def _read_at_last(self, run: ActionRun, order: Order) -> Result:
        run.status, run.in_force = ActionStatus.DONE, True
        await self._report()
        try:
            return await self._read(order, READ_BACK_LONG)
        except FailureError:
            return Result(status=ActionStatus.DONE)

    async def _read(self, order: Order, options: Options | None = None) -> Result:
        return await execute(CasePort.read_back, order, options, rank=self._start.rank)


def problem_of(error: BaseException | None) -> Problem:
    """Returns the problem of the last attempt; UNREACHABLE if that timed out."""
    while error is not None and not isinstance(error, ApplicationError):
        error = error.__cause__
    if isinstance(error, ApplicationError) and error.details:
        return Problem.model_validate(error.details[0])
    return Problem(kind=ProblemKind.UNREACHABLE)
