"""Enforcement workflow: one decision is carried out, read back, lifted in time, and undone."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior

from workflows.domain.case.enforcement import (
    PROOF_LASTS,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.snapshot import SeenKeys
from workflows.domain.policy.playbook import OnFailure, Order
from workflows.enforcement.notices import NoticeDelivery
from workflows.enforcement.platform_calls import (
    UNCLEAR,
    ActionRun,
    Overtaken,
    PlatformCalls,
)
from workflows.inputs import EnforcementStart
from workflows.shared.signals import signal_or_deliver

_OVERTAKES = frozenset({AskKind.KEEP, AskKind.LIFT, AskKind.UNDO})
_HOLDING = frozenset({AskKind.HOLD, AskKind.RESUME})
_WITHOUT_EFFECT = frozenset({ActionStatus.FAILED, ActionStatus.DRY_RUN, ActionStatus.SKIPPED})


@workflow.defn
class EnforcementWorkflow:
    """One decision at the platform. Runs while something can be retried, lifted or undone."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        now = workflow.now()
        self._start = start
        self._asks: deque[Ask] = deque(start.asks)
        self._seen = SeenKeys()
        self._reports = 0
        self._reports_end = False
        self._runs = [ActionRun(job, start, now) for job in start.jobs]
        self._calls = PlatformCalls(start, self._send_report, self._overtaken, self._holds)
        self._notice = NoticeDelivery(start)

    @workflow.signal
    def ask(self, ask: Ask) -> None:
        """A retry, an end of retries or an undo; or a decision that ends or keeps a protection."""
        if ask.id and not self._seen.add(ask.id):
            return
        self._asks.append(ask)
        # The bulk workflow may have continued as new, and then does not see this workflow's end.
        self._reports_end = self._start.place is not None

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """Carries the decision out, then waits for lifts and signals; returns the last report."""
        if self._is_late():
            return await self._refuse()
        await self._begin()
        if any(_is_unproven(run) for run in self._runs):
            return await self._refuse()
        await self._notify()
        while self._asks or self._stays():
            if not self._asks:
                await self._send_report()
                await self._wait()
            # Signals go first: a protection that is held or kept must not be lifted.
            while self._asks:
                await self._execute(self._asks.popleft())
            await self._lift_due()
            await self._notify()
        # The case that started an undo may have continued under its own id.
        late = self._start.undo or self._start.notice_only
        if self._reports or self._reports_end or self._start.protects or late:
            await self._send_report(over=True)
        return self._report(over=True)

    def _is_late(self) -> bool:
        """Whether it began too long after its proof: a copy of an earlier start."""
        proofs = (job.proof for job in self._start.jobs)
        made = [proof.at for proof in proofs if proof.signature and proof.at is not None]
        return any(workflow.info().start_time - at > PROOF_LASTS for at in made)

    async def _refuse(self) -> EnforcementReport:
        """Reports that no case decided this, and nothing about the actions."""
        report = self._report(over=True).model_copy(update={"actions": (), "unproven": True})
        workflow.logger.error("enforcement_refused", extra={"case": self._start.case})
        if self._start.place is None:
            await signal_or_deliver(self._start.workflow_id, report)
        return report

    async def _begin(self) -> None:
        if self._start.undo:
            await self._undo_runs(self._runs, ActionStatus.UNDONE, self._start.actor)
        elif not self._start.notice_only:
            await self._reconcile_resumed()
            await self._apply([run for run in self._runs if run.wanted])

    async def _notify(self) -> None:
        """Sends the notice to the person acted upon, once no action can fail any more."""
        if any(run.failed or run.stopped for run in self._runs):
            return
        # The notice already has what earlier runs did.
        fresh = () if self._start.notice_only else self._runs
        done = (t for t in fresh if t.in_force and t.status is not ActionStatus.DRIFTED)
        await self._notice.send(tuple(each.measure for each in done))

    def _stays(self) -> bool:
        """Whether it waits: for a retry (but no protection does), for a lift or for a decision."""
        if self._notice.under_way:
            return True
        if not self._start.protects and any(run.failed for run in self._runs):
            return True
        return any(t.lifts_at is not None or (t.in_force and t.held) for t in self._runs)

    async def _wait(self) -> None:
        times = [run.lifts_at for run in self._runs if run.lifts_at is not None]
        lift = min(times, default=None)
        if lift is None:
            await workflow.wait_condition(self._wakes)
            return
        left = max(lift - workflow.now(), timedelta(milliseconds=1))
        with suppress(TimeoutError):  # then a lift is due
            await workflow.wait_condition(self._wakes, timeout=left)

    def _wakes(self) -> bool:
        return bool(self._asks) or self._notice.changed

    def _overtaken(self) -> bool:
        return any(ask.kind in _OVERTAKES for ask in self._asks)

    def _holds(self, run: ActionRun) -> bool:
        """Whether it must not be lifted yet, including signals not executed yet."""
        asked = [ask.kind for ask in self._asks if ask.kind in _HOLDING]
        return asked[-1] is AskKind.HOLD if asked else run.held

    # -- signals ---------------------------------------------------------------------------

    async def _execute(self, ask: Ask) -> None:
        match ask.kind:
            case AskKind.RETRY:
                await self._retry(ask.at or workflow.now())
            case AskKind.GIVE_UP:
                self._give_up()
            case AskKind.UNDO:
                await self._undo(ask.by)
            case AskKind.HOLD | AskKind.RESUME:
                for run in self._runs:
                    run.held = ask.kind is AskKind.HOLD
            case AskKind.KEEP:
                await self._keep()
            case AskKind.LIFT:
                await self._lift(ask.by)
            case AskKind.TELL:
                self._notice.again()

    async def _retry(self, at: datetime) -> None:
        again = [run for run in self._runs if run.not_done]
        for run in again:
            run.again(at)
        await self._apply(again)

    def _give_up(self) -> None:
        for run in self._runs:
            if run.failed:
                # The next decision may do the same action: a later lift would remove that one.
                run.status, run.problem, run.unclear = ActionStatus.GIVEN_UP, None, False

    async def _undo(self, by: str | None) -> None:
        self._notice.drop()
        in_force = [run for run in self._runs if run.undoable]
        await self._undo_runs(in_force, ActionStatus.UNDONE, by)

    async def _keep(self) -> None:
        """Leaves what is in effect to a decision.

        What the platform refused, or does not show after an unanswered attempt, is not in effect.
        """
        for run in self._runs:
            if run.status in (ActionStatus.LIFTED, ActionStatus.SKIPPED) or run.failed:
                continue
            if _unsure(run) and await self._calls.shows(run) is False:
                unanswered = Problem(kind=ProblemKind.UNREACHABLE)
                run.status, run.problem = ActionStatus.FAILED, run.problem or unanswered
                continue
            run.status, run.in_force, run.problem = ActionStatus.KEPT, False, None

    async def _lift(self, by: str | None) -> None:
        """Lifts now, including what may have taken effect unseen."""
        wanted = [t for t in self._runs if t.undoable or (t.tried and _unsure(t))]
        await self._undo_runs(wanted, ActionStatus.LIFTED, by)

    async def _lift_due(self) -> None:
        now = workflow.now()
        due = [t for t in self._runs if t.lifts_at is not None and t.lifts_at <= now]
        if due:
            await self._undo_runs(due, ActionStatus.LIFTED, None)

    # -- the platform ---------------------------------------------------------------------

    async def _apply(self, runs: Sequence[ActionRun]) -> None:
        if self._start.conduct.order is Order.TOGETHER:
            await asyncio.gather(*(self._apply_one(run) for run in runs))
        else:
            await self._apply_in_turn(runs)
        if any(run.stopped for run in self._runs):
            # People decide instead: they must not find a part of it.
            await self._roll_back()

    async def _apply_in_turn(self, runs: Sequence[ActionRun]) -> None:
        """Makes one change after the other; after a failure as the policy says."""
        on_failure = self._start.conduct.on_failure
        for place, run in enumerate(runs):
            await self._apply_one(run)
            if run.stopped or (run.failed and on_failure is not OnFailure.CONTINUE):
                for left in runs[place + 1 :]:
                    left.status, left.problem = ActionStatus.SKIPPED, None
                break
        if on_failure is OnFailure.UNDO and any(run.failed for run in runs):
            await self._roll_back()

    async def _roll_back(self) -> None:
        for run in reversed([run for run in self._runs if run.undoable]):
            await self._undo_run(run, ActionStatus.ROLLED_BACK, None)

    async def _apply_one(self, run: ActionRun) -> None:
        try:
            result = await self._calls.do(run)
        except Overtaken:
            if not self._overtaken():
                # Its time was over before an attempt succeeded.
                await self._undo_run(run, ActionStatus.LIFTED, None)
            return
        run.status, run.problem, run.would = result.status, result.problem, result.would
        run.in_force = result.status not in _WITHOUT_EFFECT
        if result.status is ActionStatus.SKIPPED and result.unsure:
            await self._end_stopped(run)
        if run.failed and run.problem is not None and run.problem.kind in UNCLEAR:
            await self._reconcile(run)

    async def _end_stopped(self, run: ActionRun) -> None:
        """Undoes what an attempt before the pause may have done, and the platform may show."""
        stopped = run.status, run.problem
        if await self._calls.shows(run) is False:
            return
        result = await self._calls.undo(run, None, forever=True)
        # Retries of the undo were reported meanwhile.
        run.status, run.problem = stopped
        if result.status is ActionStatus.FAILED:
            run.status, run.problem = ActionStatus.FAILED, result.problem

    async def _reconcile(self, run: ActionRun) -> bool | None:
        """Reads a change back whose answer never came: it may be in effect."""
        shown = await self._calls.shows(run)
        if shown:
            run.status, run.problem, run.in_force = ActionStatus.VERIFIED, None, True
        # The end of a failed protection could remove what a decision has done since.
        run.unclear = shown is None and not self._start.protects
        return shown

    async def _reconcile_resumed(self) -> None:
        """Reads back what was under way when this enforcement was lost.

        A protection that can't be read is lifted at once: later the lift could remove what a
        decision has done since.
        """
        resumed = [run for run in self._runs if run.unclear]
        shown = await asyncio.gather(*(self._reconcile(run) for run in resumed))
        kept = any(ask.kind is AskKind.KEEP for ask in self._asks)
        if self._start.protects and not kept:
            unknown = (run for run, found in zip(resumed, shown, strict=True) if found is None)
            await self._undo_runs(unknown, ActionStatus.LIFTED, None)

    async def _undo_runs(
        self, runs: Iterable[ActionRun], becomes: ActionStatus, by: str | None
    ) -> None:
        await asyncio.gather(*(self._undo_run(run, becomes, by) for run in runs))

    async def _undo_run(self, run: ActionRun, becomes: ActionStatus, by: str | None) -> None:
        lift = becomes is ActionStatus.LIFTED
        result = await self._calls.undo(run, by, forever=lift)
        if result.status is ActionStatus.FAILED:
            run.status, run.problem = ActionStatus.FAILED, result.problem
            run.until = None if lift else run.until
            return
        run.status, run.problem, run.in_force, run.unclear = becomes, None, False, False

    # -- reports -----------------------------------------------------------------------------

    def _report(self, over: bool = False) -> EnforcementReport:
        return EnforcementReport(
            id=f"{workflow.info().run_id}/{self._reports}",
            case=self._start.case,
            decision=self._start.decision,
            actions=tuple(t.report for t in self._runs if t.status is not ActionStatus.PENDING),
            place=self._start.place,
            over=over,
            notice=self._notice.state,
        )

    async def _send_report(self, over: bool = False) -> None:
        """Reports to the case, and wakes a closed one."""
        self._reports += 1
        self._notice.changed = False
        await signal_or_deliver(self._start.workflow_id, self._report(over))


def _is_unproven(run: ActionRun) -> bool:
    return run.problem is not None and run.problem.kind is ProblemKind.UNPROVEN


def _unsure(run: ActionRun) -> bool:
    """Whether it is not known if an attempt took effect."""
    return run.status in (ActionStatus.PENDING, ActionStatus.RETRYING) and not run.in_force


@workflow.defn(name="EnforcementWorkflow", versioning_behavior=VersioningBehavior.PINNED)
class PinnedEnforcement(EnforcementWorkflow):
    """Pinned to the version that started it: a change ends by the rules it began with."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """See `EnforcementWorkflow`."""
        return await super().run(start)
