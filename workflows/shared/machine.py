"""Workflow machine: queues of signals, worked off by lanes that decide, record and show.

Case and appeal are its two subclasses. Each queue has a lane, which works in order. A decision is
one synchronous step, so lanes never see each other half done. Ledger and Slack follow beside them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import ROLES_LATER, is_forged
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.commands import Click
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.snapshot import SeenKeys
from workflows.shared.authorize import Authorized, Authorizer, is_current
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.slack_sync import SlackSync
from workflows.shared.tasks import Lane, TaskBudget, Tasks

C = TypeVar("C", Click, AppealClick)
N = TypeVar("N")


class Machine(ABC, Generic[C, N]):
    """The work of one case or appeal, over clicks `C` and other news `N`.

    Subclasses set `_seen`, `_ledger` and `_slack`: their state may have to be loaded first.
    """

    _seen: SeenKeys
    _ledger: LedgerWriter[Any]
    _slack: SlackSync[Any, Any]

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._lane_tasks = Tasks(reports_to=self._tasks)
        self._clicks: deque[C | Authorized[C]] = deque()
        self._news: deque[N] = deque()
        self._timer = DeadlineTimer()
        self._timer_lane = Lane(self._lane_tasks, self._work_timer)
        self._click_lane = Lane(self._lane_tasks, self._work_clicks)
        self._news_lane = Lane(self._lane_tasks, self._work_news)
        self._budget = TaskBudget()
        self._authorizer = Authorizer()

    # -- signals --------------------------------------------------------------------------

    def take_click(self, click: C) -> None:
        """Queues a person's press."""
        self._clicks.append(click)

    def take_news(self, news: N) -> None:
        """Queues anything else."""
        self._news.append(news)

    # -- the main loop --------------------------------------------------------------------

    async def run(self) -> None:
        """Works until the case or appeal is over, or continues as new."""
        try:
            await self._main_loop()
        except FailureError as error:
            # It fails the workflow, which is right after forged results: `koban doctor` names the
            # case. Any other error fails the task, which Temporal retries until a worker has the
            # fix.
            if is_forged(error):
                raise
            raise RuntimeError("a workflow met a failure that it should have handled") from error

    async def _main_loop(self) -> None:
        if not await self._begin():
            return
        while True:
            await workflow.wait_condition(self._wakes)
            self._tasks.raise_failure()
            for lane, wanted in self._lanes():
                if wanted:
                    lane.wake()
            await self._between_tasks()
            if self._rows_are_old():
                self._ledger.touch()
            if self._over() and await self._ends():
                return
            if self._may_continue_as_new():
                await self._continue_as_new()

    def _wakes(self) -> bool:
        return (
            self._tasks.failed
            or any(wanted and not lane.busy for lane, wanted in self._lanes())
            or self._rows_are_old()
            or self._over()
            or self._may_continue_as_new()
        )

    def _lanes(self) -> Sequence[tuple[Lane, bool]]:
        """The lanes, and whether each has work."""
        return (
            (self._timer_lane, self._timer.due),
            (self._click_lane, bool(self._clicks)),
            (self._news_lane, bool(self._news)),
        )

    def _quiet(self) -> bool:
        """Whether nothing is under way that this run has to see the end of."""
        working = any(wanted or lane.busy for lane, wanted in self._lanes())
        return not working and self._ledger.idle and self._slack.idle

    async def _ends(self) -> bool:
        """Whether the run is over once the work is."""
        return True

    @abstractmethod
    async def _begin(self) -> bool:
        """Loads or opens the state; False if there is nothing to do."""

    @abstractmethod
    async def _between_tasks(self) -> None:
        """Does what is neither in a lane nor in a task, each time something happened."""

    @abstractmethod
    def _rows_are_old(self) -> bool:
        """Whether the ledger lacks something that no further event will write."""

    @abstractmethod
    def _over(self) -> bool:
        """Whether the work is done, and recorded and shown."""

    @abstractmethod
    def _may_continue_as_new(self) -> bool:
        """Whether the history is long, and this is a moment to begin a new one."""

    @abstractmethod
    async def _continue_as_new(self) -> None:
        """Begins a new history with the whole state."""

    # -- lanes ----------------------------------------------------------------------------

    async def _work_timer(self) -> None:
        await self._tick()
        self._timer.reset()
        self._timer.set(self._deadline)

    async def _work_clicks(self) -> None:
        while self._clicks:
            await self._handle_click(self._clicks.popleft())
            await self._budget.spend()

    async def _work_news(self) -> None:
        while self._news:
            await self._handle_news(self._news.popleft())
            await self._budget.spend()

    @property
    @abstractmethod
    def _deadline(self) -> datetime | None:
        """When something is due next."""

    @abstractmethod
    async def _tick(self) -> datetime:
        """Decides what is overdue; returns the time of that decision."""

    @abstractmethod
    async def _handle_news(self, news: N) -> None:
        """Decides one piece of news."""

    # -- clicks ---------------------------------------------------------------------------

    async def _handle_click(self, pressed: C | Authorized[C]) -> None:
        click = pressed.click if isinstance(pressed, Authorized) else pressed
        if not self._is_mine(click):
            await self._forward_click(click)
        elif isinstance(pressed, Authorized):
            await self._execute_current(pressed)
        elif self._seen.add(f"click/{click.id}"):
            await self._authorize(click)

    async def _authorize(self, click: C) -> None:
        unauthorized = Authorized(click, workflow.now())
        try:
            authorized = self._authorizer.cached(click, workflow.now())
            authorized = authorized or await self._authorizer.look_up(unauthorized)
        except FailureError:
            self._tasks.run(self._authorize_later(unauthorized))
        else:
            await self._execute_current(authorized)

    async def _authorize_later(self, authorized: Authorized[C]) -> None:
        """Looks up roles beside the lane, and queues the click again."""
        try:
            self._clicks.append(await self._authorizer.look_up(authorized, ROLES_LATER))
        except FailureError:
            self._answer(authorized.click, Refusal(reason=Reason.ROLES_UNKNOWN))

    async def _execute_current(self, authorized: Authorized[C]) -> None:
        if is_current(authorized, workflow.now()):
            await self._execute(authorized)
        else:
            self._tasks.run(self._authorize_later(authorized))

    @abstractmethod
    def _is_mine(self, click: C) -> bool:
        """Whether the click is for this case or appeal."""

    async def _forward_click(self, click: C) -> None:
        """Handles a click for another one; dropped by default."""

    @abstractmethod
    async def _execute(self, authorized: Authorized[C]) -> None:
        """Decides a click, after everything that is overdue."""

    @abstractmethod
    def _answer(self, click: C, refusal: Refusal | None) -> None:
        """Answers a press where only its person sees it."""


# -- time -------------------------------------------------------------------------------------

MOST_AHEAD = timedelta(seconds=10)
"""A press that is further ahead of its task comes from a wrong clock."""


def decision_time(now: datetime, received_at: datetime | None) -> datetime:
    """Returns `now`, or when the press was received if that is slightly later."""
    if received_at is None or not now < received_at <= now + MOST_AHEAD:
        return now
    return received_at


class DeadlineTimer:
    """Timer for the earliest of the times it is set to; `due` once that has come."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None
        self.due = False

    def set(self, at: datetime | None) -> None:
        """Becomes due at `at` at the latest; None changes nothing."""
        if at is None or self.due or (self._at is not None and self._at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.create_task(self._wait(at))

    def reset(self) -> None:
        """Makes a due timer ready to be set again."""
        if self.due:
            self.due, self._at, self._timer = False, None, None

    async def _wait(self, at: datetime) -> None:
        await workflow.sleep(max(at - workflow.now(), timedelta(milliseconds=1)))
        self.due = True


class DecisionClock:
    """Time of the workflow task, or of the latest press received since it began.

    After an outage, or during a look-up of roles, a task lags behind: an expired approval would
    still be pending for a press that was received since.
    """

    def __init__(self) -> None:
        self.latest: datetime | None = None

    def resume(self, latest: datetime | None) -> None:
        """Continues from the latest press of the previous history."""
        self.latest = latest or self.latest

    def note(self, received_at: datetime | None) -> None:
        """Notes when a press was received, by the clock of its receiver."""
        self.latest = max(self.now, decision_time(workflow.now(), received_at))

    @property
    def now(self) -> datetime:
        """The time of the next decision."""
        task = workflow.now()
        return task if self.latest is None else max(task, self.latest)
