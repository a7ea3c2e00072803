"""Case machine: takes alerts, presses, platform reports and deadlines, and acts on what follows.

Each queue is worked off in order by a lane of its own; a decision is one synchronous step, so lanes
never see each other half done. Ledger and Slack follow beside them.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from workflows.case.authorize import Authorized, Authorizer, answers, completed
from workflows.case.automation_gate import pause_at, protection
from workflows.case.bulk_members import BulkMembers
from workflows.case.case_ledger import CaseLedger
from workflows.case.continuation import LARGEST_REST, SOON, Continuation, carries
from workflows.case.enforcements import Enforcements
from workflows.case.handoff import (
    AppealNotifier,
    News,
    asked_by,
    deliver,
    give_back_unknown,
    hand_on,
    hand_over,
    kept,
    left_here,
    merged,
    name_of,
    news,
)
from workflows.case.inbox import Assessed, Inbox, alert_key, claim
from workflows.case.notifications import calls_for
from workflows.case.opening import joins, opening, policy_now
from workflows.case.timers import DeadlineTimer, DecisionClock
from workflows.domain.alerts import Alert
from workflows.domain.case import events as ev
from workflows.domain.case.commands import Click, Command, Tick
from workflows.domain.case.decide import decide_in_turn
from workflows.domain.case.evolve import numbered
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.snapshot import CaseSnapshot, SeenKeys
from workflows.inputs import CaseStart, PendingWork
from workflows.ports.cases import Delivery, Show
from workflows.shared.slack_sync import SlackSync
from workflows.shared.tasks import Lane, TaskBudget, Tasks

_BRIEFLY = timedelta(seconds=1)
"""How long the next case waits for Slack to show the end of this one; protection comes first."""


class CaseMachine:
    """The work of one case. It is shared by all instances of the workflow, unlike its class."""

    def __init__(self, start: CaseStart) -> None:
        self._start = start
        self._packed = start.policy
        self._tasks = Tasks()
        # Answers and calls to people: a history that grows long does not wait for them.
        self._messages = Tasks(reports_to=self._tasks)
        lanes = Tasks(reports_to=self._tasks)
        self._intake = Inbox(start.alerts, lambda: self._seen)
        self._clicks: deque[Click | Authorized[Click]] = deque()
        self._news: deque[News] = deque()
        self._alert_lane = Lane(lanes, self._work_alerts)
        self._click_lane = Lane(lanes, self._work_clicks)
        self._news_lane = Lane(lanes, self._work_news)
        self._clock_lane = Lane(lanes, self._work_clock)
        self._claiming = False
        self._turns = 0
        self._late: list[Alert] = []
        self._alarm = DeadlineTimer()
        self._clock = DecisionClock()
        self._budget = TaskBudget()
        self._authorizer = Authorizer()
        self._appellant = AppealNotifier(self._tasks)
        self._enforcing = Enforcements(start.workflow_id, self._tasks, self._news.append)
        self._renewal = Continuation()
        self._gathering = BulkMembers(self._tasks, self._answer, self._clicks.append)
        self._follows = bool(start.alerts) and start.memory is None
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        self._restore(start.memory or CaseSnapshot(key=workflow.info().run_id))

    def _restore(self, memory: CaseSnapshot) -> None:
        self._packed = memory.policy or self._packed
        memory = memory.with_policy(self._packed)
        self._key = memory.key
        self._case = memory.case
        self._seen = SeenKeys(memory.seen)
        self._screen = SlackSync(
            Tasks(reports_to=self._tasks), memory.card, memory.approval_card, memory.untold
        )
        self._ledger = CaseLedger(Tasks(reports_to=self._tasks), self.memory, self._screen)
        self._clock.resume(memory.latest)

    # -- what arrives ---------------------------------------------------------------------

    def take_alerts(self, raw: RawValue) -> None:
        """Alerts as a signal brought them, as `tuple[Alert, ...]`."""
        self._intake.put(raw)

    def take_click(self, click: Click) -> None:
        """A press of a person."""
        self._clicks.append(click)

    def take_news(self, news_: News) -> None:
        """News from the platform, another case or an appeal."""
        self._news.append(news_)

    # -- what it knows --------------------------------------------------------------------

    def newest(self) -> Show | None:
        """What a delayed write to Slack should show by now; None before the case is open."""
        return self._screen.newest()

    def memory(self) -> CaseSnapshot:
        """Everything the case knows now, with its policy."""
        return self._memory().model_copy(update={"policy": self._packed})

    def _memory(self) -> CaseSnapshot:
        return CaseSnapshot(
            key=self._key,
            case=self._case,
            card=self._screen.card,
            approval_card=self._screen.approval,
            seen=self._seen.kept,
            untold=tuple(self._screen.untold),
            latest=self._clock.latest,
        )

    # -- the main loop --------------------------------------------------------------------

    async def run(self, start: CaseStart) -> None:
        """Works until the case is over; starts again when its history grew long."""
        try:
            await self._main_loop(start)
        except FailureError as error:
            # It would end the case. Any other error only stops it until the cause is mended.
            raise RuntimeError("a case met a failure that it should have handled") from error

    async def _main_loop(self, start: CaseStart) -> None:
        if start.revive is not None:
            found = await kept(start.revive)
            self._restore(found or self._memory())
            if found is not None and found.stale and self._case is not None:
                self._screen.take_over(self._case, True, found.unsure_since)
        self._take_over(start)
        while True:
            await workflow.wait_condition(self._wakes)
            self._tasks.raise_failure()
            self._wake_lanes()
            self._renewal.look()
            await self._make_way()
            if self._case is not None and self._rows_are_old():
                self._ledger.keep(self._case)
            if self._over() and await self._ends():
                return
            if self._may_start_again():
                await self._start_again()

    def _wakes(self) -> bool:
        return (
            self._tasks.failed
            or any(wanted and not lane.busy for lane, wanted in self._lanes())
            or self._makes_way is not self._screen.held
            or self._rows_are_old()
            or self._over()
            or self._may_start_again()
        )

    def _lanes(self) -> Sequence[tuple[Lane, bool]]:
        return (
            (self._clock_lane, self._alarm.rang),
            (self._click_lane, bool(self._clicks)),
            (self._news_lane, bool(self._news)),
            (self._alert_lane, self._alerts_wait() and not self._wants_to_start_again()),
        )

    def _alerts_wait(self) -> bool:
        """Those for the next case wait as well once this one is open again."""
        is_open = self._case is not None and self._case.phase is not Phase.CLOSED
        return bool(self._intake) or (is_open and bool(self._late))

    def _wake_lanes(self) -> None:
        for lane, wanted in self._lanes():
            if wanted:
                lane.wake()

    async def _work_clock(self) -> None:
        await self._tick()
        self._alarm.heard()
        self._set_alarm()

    async def _tick(self) -> datetime:
        """Decides what is overdue; the time of that decision."""
        if self._case is None:
            return self._clock.now
        pause = await pause_at(self._case, self._clock.now)
        now = self._clock.now
        self._decide(Tick(pause=pause), now=now)
        return now

    def _set_alarm(self) -> None:
        self._alarm.set(self._case.deadline if self._case is not None else None)

    # -- one case over several histories --------------------------------------------------

    def _take_over(self, start: CaseStart) -> None:
        """Goes on with what the run before had under way."""
        self._set_alarm()
        case, rest = self._case, start.under_way
        if case is None or start.memory is None:
            return
        if rest is not None:
            self._ledger.carry(rest)
        if rest is not None and rest.stale:
            self._screen.take_over(case, rest.waited_for, rest.unsure_since)
        self._enforcing.take_over(case)

    @property
    def _makes_way(self) -> bool:
        """Whether alerts of the next case wait for a closed one, which Slack may hold up for long.

        While the ledger is away it holds up the next case as well, and Slack is not called off.
        """
        closed = self._case is not None and self._case.phase is Phase.CLOSED
        return closed and bool(self._late) and (self._screen.held or self._ledger.idle)

    async def _make_way(self) -> None:
        """Calls off what Slack does not take soon: it is shown from the case's own place."""
        if self._makes_way and not self._screen.held:
            await self._screen.put_down(_BRIEFLY)
        elif self._screen.held and not self._makes_way:
            self._screen.pick_up()

    async def _ends(self) -> bool:
        """Whether the run is over; alerts that came during its last words open the next case."""
        if not self._late:
            return True
        if self._case is not None and (self._has_more_to_do() or self._screen.stale):
            # An undo, its approval, or the card: that goes on elsewhere, the place is needed.
            await deliver(Delivery(case=self._case.id, wake=True))
            await hand_on(self._clicks, self._news)
        alerts = (*self._late, *self._intake.all_that_wait())
        beside = self._tasks or self._messages
        start = None if beside else carries(self._next_start(None, alerts))
        if start is not None:
            workflow.continue_as_new(start)
        # More of them than a start can hold, or this run has to see the end of something: the next
        # case begins in the same run.
        self._intake.put_first(alerts)
        self._late, self._follows = [], True
        self._restore(CaseSnapshot(key=workflow.uuid4().hex))
        return False

    async def _start_again(self) -> None:
        """Begins a new history with all that is known, unless something came in between."""
        await asyncio.gather(self._screen.put_down(), self._ledger.put_down())
        # Temporal refuses a new history where a signal came during the task: it has none now.
        await workflow.sleep(timedelta(milliseconds=1))
        if self._may_start_again():
            alerts = (*self._late, *self._intake.all_that_wait())
            start = carries(self._next_start(self._memory(), alerts))
            if start is not None:
                workflow.continue_as_new(start)
            self._late = []
            self._intake.put_first(alerts)
            self._renewal.put_off()
        else:
            self._renewal.put_off(SOON)
        self._ledger.pick_up()
        self._screen.pick_up()

    def _next_start(self, memory: CaseSnapshot | None, alerts: Sequence[Alert]) -> CaseStart:
        """The policy is carried once: by the start, or by the memory of a reopened case."""
        own, rest = self._start.policy is not None, None
        if memory is not None:
            events, unclaimed = self._ledger.backlog
            rest = PendingWork(events=events, alerts=unclaimed, **self._screen.rest)
            memory = memory.model_copy(update={"policy": None if own else self._packed})
        return CaseStart(
            workflow_id=self._start.workflow_id,
            policy=self._packed if own else None,
            subject=self._start.subject,
            after=self._start.after if memory is not None else "",
            memory=memory,
            alerts=tuple(alerts),
            under_way=rest,
        )

    # -- alerts ---------------------------------------------------------------------------

    async def _work_alerts(self) -> None:
        while self._alerts_wait() and not self._wants_to_start_again():
            if self._late and self._case is not None and self._case.phase is not Phase.CLOSED:
                self._intake.put_first(self._late)
                self._late = []
            if self._case is None and self._start.revive is not None:
                await give_back_unknown(self._start.revive, self._intake)
            elif self._case is None:
                await self._open()
            elif self._case.phase is Phase.CLOSED:
                # They open the next case, which is to take them as new.
                self._late += await left_here(self._packed, self._start, self._case, self._intake)
            else:
                await self._join(await self._intake.next_batch(self._open_case, self._shown))

    def _open_case(self) -> Case:
        assert self._case is not None
        return self._case

    def _shown(self) -> bool:
        return self._screen.idle

    async def _open(self) -> None:
        """Opens the case; a known alert opens none. One that follows another has today's policy."""
        first = self._intake.take(1)
        if not first:
            return
        (alert,) = first
        self._seen.add(alert_key(alert))
        assert self._packed is not None
        if self._follows:
            self._packed = await policy_now(self._packed)
        found, case, rules = await opening(
            self._start.workflow_id, self._key, self._packed.policy, alert, self._start.after
        )
        if found.joins:
            await hand_over(found.joins, [alert, *self._intake.take()])
            self._seen.discard(alert_key(alert))  # that case may give it back
        if found.event is not None and case is not None:
            self._case = case
            self._apply_and_react(case, case, [ev.Recorded(seq=1, event=found.event)])
            self._decide(*protection(case, rules, found.pause), now=self._clock.now)

    async def _join(self, batch: list[Assessed]) -> None:
        assert self._case is not None
        # Lanes that waited for the claim before go first.
        await workflow.wait_condition(lambda: not self._turns)
        if self._case.phase is Phase.CLOSED:
            self._intake.put_first([each.alert for each in batch])
            return
        for each in batch:
            self._seen.add(alert_key(each.alert))
        self._claiming = True
        new, unclaimed, pause = await claim(self._case, batch, self._clock.now)
        self._claiming = False
        self._decide(*joins(new), now=self._clock.now, unclaimed=unclaimed)
        for each in new:
            self._decide(*protection(self._case, each.rules, pause), now=self._clock.now)

    # -- people ---------------------------------------------------------------------------

    async def _work_clicks(self) -> None:
        while self._clicks:
            await self._take_click(self._clicks.popleft())
            await self._budget.spend()

    async def _take_click(self, pressed: Click | Authorized[Click]) -> None:
        """Its case may have closed, and made way for this one, while its roles were asked for."""
        click = pressed.click if isinstance(pressed, Authorized) else pressed
        if self._case is None or click.case != self._case.id:
            await self._forward(Delivery(case=click.case, click=click))
        elif isinstance(pressed, Authorized):
            await self._execute(pressed)
        elif self._seen.add(f"click/{click.id}"):
            await self._authorize(click)

    async def _authorize(self, click: Click) -> None:
        try:
            known = self._authorizer.known(click, workflow.now())
            known = known or await self._authorizer.ask(click)
        except FailureError:
            self._tasks.run(self._authorize_later(Authorized(click, workflow.now())))
        else:
            await self._execute(known)

    async def _authorize_later(self, known: Authorized[Click]) -> None:
        """Asks for roles beside the case: Slack can't tell them now, or they became too old."""
        try:
            self._clicks.append(await self._authorizer.ask_in_time(known))
        except FailureError:
            self._answer(known.click, Refusal(reason=Reason.ROLES_UNKNOWN))

    async def _execute(self, known: Authorized[Click]) -> None:
        """Decides a press, after everything that came before it."""
        if not self._authorizer.counts(known, workflow.now()):
            self._tasks.run(self._authorize_later(known))
            return
        click = known.click
        self._clock.hear(click.received_at)
        now = await self._turn()
        assert self._case is not None
        if self._gathering.takes(self._case, known, now):
            return
        command = await completed(self._case, click.command, now)
        now = await self._turn()
        refusal = command if isinstance(command, Refusal) else self._decide(command, now=now)
        self._answer(click, refusal)

    async def _turn(self) -> datetime:
        """Waits for alerts that are joining, decides what is overdue; the time of what follows."""
        self._turns += 1
        try:
            now = await self._tick()
            while self._claiming:
                await workflow.wait_condition(lambda: not self._claiming)
                now = await self._tick()
            return now
        finally:
            self._turns -= 1

    def _answer(self, click: Click, refusal: Refusal | None) -> None:
        self._messages.run_all(
            answers(click, refusal, self._case, self._screen.card, self._ledger.is_written)
        )

    # -- decisions ------------------------------------------------------------------------

    def _decide(
        self, *commands: Command, now: datetime, unclaimed: Sequence[Alert] = ()
    ) -> Refusal | None:
        """Decides several commands as one, records the events and reacts to them."""
        assert self._case is not None
        before = self._case
        outcome = decide_in_turn(before, commands, now)
        if isinstance(outcome, Refusal):
            return outcome
        events, case = outcome
        if events:
            recorded = numbered(before, events)
            self._case = case
            self._ledger.add(recorded, unclaimed, now)
            self._apply_and_react(before, case, recorded)
        return None

    def _apply_and_react(self, before: Case, case: Case, happened: Sequence[ev.Recorded]) -> None:
        """Reacts to events that the case has applied."""
        for event in (each.event for each in happened):
            self._enforcing.act_on(case, event)
            self._messages.run_all(calls_for(case, event, self._screen.card))
            if isinstance(event, ev.CaseMerged):
                self._tasks.run(deliver(merged(case, event)))
        self._screen.follow(before, case, happened)
        self._appellant.look(case)
        self._set_alarm()

    # -- the platform, other cases --------------------------------------------------------

    async def _work_news(self) -> None:
        while self._news:
            await self._take_news(news(self._news.popleft()))
            await self._budget.spend()

    async def _take_news(self, delivery: Delivery) -> None:
        if self._case is None or delivery.case != self._case.id:
            await self._forward(delivery.model_copy(update={"workflow_id": ""}))  # by its own name
        elif self._seen.add(name_of(delivery)):
            now = await self._turn()
            self._decide(asked_by(delivery), now=now)

    async def _forward(self, delivery: Delivery) -> None:
        """Hands on what is for a case that closed before; says so where there is none."""
        if self._start.revive is None:
            await deliver(delivery)
        elif delivery.click is not None:
            self._answer(delivery.click, Refusal(reason=Reason.UNKNOWN_CASE))

    # -- the end --------------------------------------------------------------------------

    def _quiet(self) -> bool:
        """Whether nothing is under way that this case has to see the end of.

        What goes on beside the case is not waited for where the next one waits.
        """
        waits = self._clicks or self._news or self._alerts_wait()
        beside = not self._late and (self._tasks or self._messages)
        working = any(lane.busy for lane, _ in self._lanes())
        return not (waits or beside or working) and self._ledger.idle and self._screen.idle

    def _rows_are_old(self) -> bool:
        """Whether the ledger lacks something of the case that no event brings any more."""
        return self._quiet() and self._ledger.wanted(self._case)

    def _over(self) -> bool:
        if not self._quiet() or self._ledger.wanted(self._case):
            return False
        closed = self._case is None or self._case.phase is Phase.CLOSED
        return closed and (bool(self._late) or not self._has_more_to_do())

    def _has_more_to_do(self) -> bool:
        """Whether a closed case waits for an undo, or for its approval."""
        return self._case is not None and (self._case.undoing or self._case.deadline is not None)

    def _may_start_again(self) -> bool:
        busy = any(lane.busy for lane, _ in self._lanes())
        return not busy and self._wants_to_start_again()

    def _wants_to_start_again(self) -> bool:
        """Rather not while an enforcement acts: this run hears its answer at once."""
        if not self._renewal.due or self._case is None:
            return False
        under_way = self._clicks or self._news or self._tasks or self._enforcing.starting
        if self._messages and not self._renewal.pressing:
            return False
        if under_way or self._ledger.weight + self._intake.weight > LARGEST_REST:
            return False
        return self._case.settled or self._renewal.pressing
