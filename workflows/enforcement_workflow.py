"""One decision at the platform: carried out, read back, lifted in time, taken back if wanted."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import FailureError

from workflows.activity_options import DELIVER_REPORT, execute
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.policy.playbook import OnFailure, Order
from workflows.enforcement.notices import NoticeDelivery
from workflows.enforcement.platform_calls import (
    ActionRun,
    Overtaken,
    PlatformCalls,
)
from workflows.inputs import EnforcementStart
from workflows.ports import cases
from workflows.ports.cases import Delivery

_OVERTAKES = frozenset({AskKind.KEEP, AskKind.LIFT, AskKind.UNDO})
_HOLDING = frozenset({AskKind.HOLD, AskKind.RESUME})


@workflow.defn
class EnforcementWorkflow:
    """Carries one decision out. Stays while something can fail, be lifted or be retried."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        now = workflow.now()
        self._start = start
        self._asks: deque[Ask] = deque()
        self._told = 0
        self._asked = False
        self._tracks = [ActionRun(job, start, now) for job in start.jobs]
        self._calls = PlatformCalls(start, self._tell, self._overtaken, self._holds)
        self._notice = NoticeDelivery(start)

    @workflow.signal
    def ask(self, ask: Ask) -> None:
        """A person wants a retry, an end of retries, or an undo; a decision meets a protection."""
        self._asks.append(ask)
        # A ring that asked may be another run than the one that began this, and sees no end of it.
        self._asked = self._start.place is not None

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """Does it, then waits for lifts and wishes; returns the last news."""
        await self._begin()
        await self._notify()
        while self._asks or self._stays():
            if not self._asks:
                await self._tell()
                await self._wait()
            # Who holds or keeps what is due to be lifted does not want it lifted.
            while self._asks:
                await self._execute(self._asks.popleft())
            await self._lift_due()
            await self._notify()
        # Of an undo the case may hear elsewhere: it may have gone on under its own name.
        asked_late = self._start.undo or self._start.told_only
        if self._told or self._asked or self._start.protects or asked_late:
            await self._tell(over=True)
        return self._report(over=True)

    async def _begin(self) -> None:
        if self._start.undo:
            await self._take_back(self._tracks, ActionStatus.UNDONE, self._start.actor)
        elif not self._start.told_only:
            await self._apply(self._tracks)

    async def _notify(self) -> None:
        """Tells the person acted upon, once nothing of the decision can fail any more."""
        if any(track.failed for track in self._tracks):
            return
        # What was done before this set out is in the letter already.
        fresh = () if self._start.told_only else self._tracks
        done = (t for t in fresh if t.standing and t.status is not ActionStatus.DRIFTED)
        await self._notice.send(tuple(each.measure for each in done))

    def _stays(self) -> bool:
        """A protection that failed waits for nobody; one that is held waits for its decision."""
        if self._notice.under_way:
            return True
        if not self._start.protects and any(track.failed for track in self._tracks):
            return True
        return any(t.standing and (t.held or t.until is not None) for t in self._tracks)

    def _next_lift(self) -> datetime | None:
        times = [t.lifts_at for t in self._tracks if t.lifts_at is not None]
        return min(times, default=None)

    async def _wait(self) -> None:
        lift = self._next_lift()
        if lift is None:
            await workflow.wait_condition(self._wakes)
            return
        left = max(lift - workflow.now(), timedelta(milliseconds=1))
        with suppress(TimeoutError):  # then the time to lift has come
            await workflow.wait_condition(self._wakes, timeout=left)

    def _wakes(self) -> bool:
        return bool(self._asks) or self._notice.changed

    def _overtaken(self) -> bool:
        return any(ask.kind in _OVERTAKES for ask in self._asks)

    def _holds(self, track: ActionRun) -> bool:
        """Whether it must not be lifted yet, though nobody has been obeyed so far."""
        asked = [ask.kind for ask in self._asks if ask.kind in _HOLDING]
        return asked[-1] is AskKind.HOLD if asked else track.held

    # -- wishes ---------------------------------------------------------------------------

    async def _execute(self, ask: Ask) -> None:
        match ask.kind:
            case AskKind.RETRY:
                await self._retry()
            case AskKind.GIVE_UP:
                self._give_up()
            case AskKind.UNDO:
                await self._undo(ask.by)
            case AskKind.HOLD | AskKind.RESUME:
                for track in self._tracks:
                    track.held = ask.kind is AskKind.HOLD
            case AskKind.KEEP:
                await self._keep()
            case AskKind.LIFT:
                await self._lift(ask.by)
            case AskKind.TELL:
                self._notice.again()

    async def _retry(self) -> None:
        again = [track for track in self._tracks if track.not_done]
        for track in again:
            track.again(workflow.now())
        await self._apply(again)

    def _give_up(self) -> None:
        for track in self._tracks:
            if track.failed:
                track.status, track.problem = ActionStatus.GIVEN_UP, None

    async def _undo(self, by: str | None) -> None:
        self._notice.drop()
        standing = [track for track in self._tracks if track.undoable]
        await self._take_back(standing, ActionStatus.UNDONE, by)

    async def _keep(self) -> None:
        """A decision takes over: what is in effect stays, and this lets go of it.

        What the platform refused, or does not show after a try without an answer, was never there
        to be kept.
        """
        for track in self._tracks:
            if track.status is ActionStatus.LIFTED or track.failed:
                continue
            if _unsure(track) and not await self._calls.shows(track):
                unanswered = Problem(kind=ProblemKind.UNREACHABLE)
                track.status, track.problem = ActionStatus.FAILED, track.problem or unanswered
                continue
            track.status, track.standing, track.problem = ActionStatus.KEPT, False, None

    async def _lift(self, by: str | None) -> None:
        """Now instead of in time; also what was tried and may have taken effect unseen."""
        wanted = [t for t in self._tracks if t.undoable or (t.tried and _unsure(t))]
        await self._take_back(wanted, ActionStatus.LIFTED, by)

    async def _lift_due(self) -> None:
        now = workflow.now()
        due = [t for t in self._tracks if t.lifts_at is not None and t.lifts_at <= now]
        if due:
            await self._take_back(due, ActionStatus.LIFTED, None)

    # -- the platform ---------------------------------------------------------------------

    async def _apply(self, tracks: Sequence[ActionRun]) -> None:
        if self._start.conduct.order is Order.TOGETHER:
            await asyncio.gather(*(self._apply_one(track) for track in tracks))
            return
        for place, track in enumerate(tracks):
            await self._apply_one(track)
            if track.failed and self._start.conduct.on_failure is not OnFailure.CONTINUE:
                await self._break_off(tracks[place + 1 :])
                return

    async def _break_off(self, left: Iterable[ActionRun]) -> None:
        """One failed: the rest is not tried, and where policy says so the done is taken back."""
        for track in left:
            track.status, track.problem = ActionStatus.SKIPPED, None
        if self._start.conduct.on_failure is OnFailure.UNDO:
            for track in reversed([track for track in self._tracks if track.undoable]):
                await self._take_back_one(track, ActionStatus.ROLLED_BACK, None)

    async def _apply_one(self, track: ActionRun) -> None:
        try:
            result = await self._calls.do(track)
        except Overtaken:
            if not self._overtaken():
                # It came to its end before anybody could tell that it had begun.
                await self._take_back_one(track, ActionStatus.LIFTED, None)
            return
        track.status, track.problem, track.would = result.status, result.problem, result.would
        track.standing = result.status not in (ActionStatus.FAILED, ActionStatus.DRY_RUN)

    async def _take_back(
        self, tracks: Iterable[ActionRun], becomes: ActionStatus, by: str | None
    ) -> None:
        await asyncio.gather(*(self._take_back_one(track, becomes, by) for track in tracks))

    async def _take_back_one(self, track: ActionRun, becomes: ActionStatus, by: str | None) -> None:
        lift = becomes is ActionStatus.LIFTED
        result = await self._calls.take_back(track, by, forever=lift)
        if result.status is ActionStatus.FAILED:
            track.status, track.problem = ActionStatus.FAILED, result.problem
            track.until = None if lift else track.until
            return
        track.status, track.problem, track.standing = becomes, None, False

    # -- news -----------------------------------------------------------------------------

    def _report(self, over: bool = False) -> EnforcementReport:
        return EnforcementReport(
            id=f"{workflow.info().run_id}/{self._told}",
            case=self._start.case,
            decision=self._start.decision,
            actions=tuple(t.report for t in self._tracks if t.status is not ActionStatus.PENDING),
            place=self._start.place,
            over=over,
            notice=self._notice.state,
        )

    async def _tell(self, over: bool = False) -> None:
        """Tells the case, waking it up where it is closed."""
        self._told += 1
        self._notice.changed = False
        report = self._report(over)
        case = workflow.get_external_workflow_handle(self._start.workflow_id)
        try:
            await case.signal("report", report)
        except FailureError:
            delivery = Delivery(case=self._start.case, report=report)
            await execute(cases.deliver, delivery, DELIVER_REPORT)


def _unsure(track: ActionRun) -> bool:
    """Whether it was tried, and nobody knows whether it took effect."""
    return track.status in (ActionStatus.PENDING, ActionStatus.RETRYING) and not track.standing


@workflow.defn(name="EnforcementWorkflow", versioning_behavior=VersioningBehavior.PINNED)
class PinnedEnforcement(EnforcementWorkflow):
    """A change at the platform ends under the rules that it was begun with."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """Does what `EnforcementWorkflow` does."""
        return await super().run(start)
