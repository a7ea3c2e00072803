"""Case machine: alerts, presses, platform reports and deadlines of one case.

It adds a lane for alerts, enforcements, and the change from one case of a group to the next.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from workflows.activity_options import PROTECTION, Options, execute
from workflows.case.authorize import (
    BY_TODAYS_POLICY,
    answer,
    approvers,
    automation,
    completed,
    strictness_now,
    tick_at,
)
from workflows.case.bulk_members import BulkMembers
from workflows.case.continuation import LARGEST_REST, SOON, Continuation, fitted
from workflows.case.enforcements import Enforcements
from workflows.case.handoff import (
    AppealNotifier,
    absorb_delivery,
    alerts_for_next,
    command_of,
    deliver,
    deliver_alerts,
    deliver_all,
    key_of,
    load_snapshot,
    policy_now,
    return_alerts,
)
from workflows.case.inbox import Assessed, Inbox, alert_key, claim, is_automatic, opening
from workflows.case.notifications import (
    announce,
    approval_call,
    calls_instead,
    current_trips,
    messages_for,
    send,
    trips_of,
)
from workflows.domain.alerts import Alert, brief
from workflows.domain.automation import AutomationPause
from workflows.domain.case import events as ev
from workflows.domain.case.automation import AutomaticCommand
from workflows.domain.case.commands import (
    Click,
    Command,
    JoinAlert,
    MarkSample,
    NoteLimit,
    RevealEvidence,
    Tighten,
)
from workflows.domain.case.decide import decide_in_turn
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.evolve import numbered
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.case.snapshot import CaseSnapshot, ReceivedAlert, Refused, SeenKeys
from workflows.domain.policy.limits import Full
from workflows.inputs import CaseStart, PendingWork
from workflows.ports.cases import CasePort, Delivery, Show, Tell
from workflows.shared.authorize import Authorized, alert_leads
from workflows.shared.ledger_writer import CaseLedger
from workflows.shared.machine import DecisionClock, Machine
from workflows.shared.slack_sync import CaseSlackSync
from workflows.shared.tasks import Lane, TaskBudget, Tasks

_SLACK_PATIENCE = timedelta(seconds=1)
"""How long the next case waits for Slack to show the end of this one; protection comes first."""

_BATCH = 500
"""Work of a batch of alerts, in signals that are only queued; a task has that of two batches."""


class CaseMachine(Machine[Click, Delivery]):
    """The work of one case, and then of the next one of its group where that runs on.

    `_for_next` are alerts that came after the case closed. They open the next case.
    """

    _slack: CaseSlackSync
    _ledger: CaseLedger

    def __init__(self, start: CaseStart) -> None:
        super().__init__()
        self._start = start
        self._packed = start.policy
        # Answers and calls to people: a new history does not wait for them.
        self._messages = Tasks(reports_to=self._tasks)
        self._inbox = Inbox(start.alerts, lambda: self._seen)
        self._alert_lane = Lane(self._lane_tasks, self._work_alerts)
        self._alert_budget = TaskBudget(2 * _BATCH - 1)
        self._for_next: list[Alert] = []
        self._announced: set[AutomationPause] = set()
        self._claiming = False
        self._turns = 0
        self._clock = DecisionClock()
        self._appeal_notifier = AppealNotifier(self._tasks)
        self._enforcements = Enforcements(start.workflow_id, self._tasks, self.take_report)
        self._continuation = Continuation()
        self._bulk_members = BulkMembers(self._tasks, self._answer, self._clicks.append)
        self._is_next = bool(start.alerts) and start.memory is None
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        self._restore(start.memory or CaseSnapshot(key=workflow.info().run_id))

    def _restore(self, memory: CaseSnapshot) -> None:
        self._packed = memory.policy or self._packed
        memory = memory.with_policy(self._packed)
        self._key, self._cleared_at = memory.key, memory.cleared_at
        self._case = memory.case
        self._seen = SeenKeys(memory.seen)
        self._slack = CaseSlackSync(
            Tasks(reports_to=self._tasks),
            memory.card,
            memory.approval_card,
            memory.unposted,
            memory.refused,
            self._call_instead,
        )
        self._ledger = CaseLedger(Tasks(reports_to=self._tasks), self.memory, self._slack)
        self._clock.resume(memory.latest)

    def take_alerts(self, raw: RawValue) -> None:
        """Queues the alerts of a signal, as `tuple[Alert, ...]`."""
        self._alert_budget.book()
        self._inbox.put(raw)

    def take_report(self, report: EnforcementReport) -> None:
        """Queues a report of an enforcement."""
        self.take_news(Delivery(case=report.case, report=report))

    def newest(self) -> Show | None:
        """Returns the latest state for a delayed write to Slack; None before the case is open."""
        return self._slack.newest()

    def memory(self) -> CaseSnapshot:
        """Returns the whole state, with its policy."""
        return self._memory().model_copy(update={"policy": self._packed})

    def _memory(self) -> CaseSnapshot:
        return CaseSnapshot(
            key=self._key,
            case=self._case,
            card=self._slack.card,
            approval_card=self._slack.approval,
            seen=self._seen.kept,
            unposted=tuple(self._slack.unposted),
            latest=self._clock.latest,
            refused=self._slack.refused,
            cleared_at=self._cleared_at,
        )

    @property
    def _open_case(self) -> Case:
        assert self._case is not None
        return self._case

    @property
    def _is_closed(self) -> bool:
        return self._case is not None and self._case.phase is Phase.CLOSED

    # -- the main loop --------------------------------------------------------------------

    async def _begin(self) -> bool:
        start = self._start
        if start.revive is not None:
            found = await load_snapshot(start.revive)
            self._restore(found or self._memory())
            if found is not None and found.stale and self._case is not None:
                self._slack.take_over(self._case, True, found.unsure_since)
            elif found is not None and found.redraw and self._case is not None:
                self._slack.redraw(self._case)
        self._timer.set(self._deadline)
        if self._case is not None and start.memory is not None:
            self._take_over(self._case, start.under_way or PendingWork())
        return True

    def _take_over(self, case: Case, pending: PendingWork) -> None:
        """Continues what the previous run had under way."""
        if pending.events or pending.alerts:
            self._ledger.add(pending.events, pending.alerts)
        if pending.stale:
            self._slack.take_over(case, pending.waited_for, pending.unsure_since)
        if self._start.rebuilt:
            self._enforcements.start_again(case)
        else:
            self._enforcements.take_over(case)

    def _wakes(self) -> bool:
        return super()._wakes() or self._next_needs_slack is not self._slack.held

    async def _between_tasks(self) -> None:
        self._continuation.update()
        if self._next_needs_slack and not self._slack.held:
            # The case shows its end from its own workflow id instead.
            await self._slack.pause(_SLACK_PATIENCE)
        elif self._slack.held and not self._next_needs_slack:
            self._slack.resume()

    @property
    def _next_needs_slack(self) -> bool:
        """Whether the next case waits for this closed one, which Slack may hold up for long.

        An unreachable ledger holds up the next case as well: then no write to Slack is cancelled.
        """
        waits = self._is_closed and bool(self._for_next)
        return waits and (self._slack.held or self._ledger.idle)

    def _lanes(self) -> Sequence[tuple[Lane, bool]]:
        wanted = self._has_alerts() and not self._wants_new_history()
        return (*super()._lanes(), (self._alert_lane, wanted))

    def _has_alerts(self) -> bool:
        """Whether alerts wait; those for the next case do if this one is open again."""
        is_open = self._case is not None and not self._is_closed
        return bool(self._inbox) or (is_open and bool(self._for_next))

    @property
    def _deadline(self) -> datetime | None:
        return self._case.deadline if self._case is not None else None

    async def _tick(self) -> datetime:
        if self._case is None:
            return self._clock.now
        if protects_by(self._case, self._clock.now):
            await self._tighten(PROTECTION)
        tick = await tick_at(self._case, self._clock.now, self._look_for_trips)
        self._alert_leads(tick.limit)
        self._announce(tick.pauses)
        now = self._clock.now
        self._decide(tick, now=now)
        return now

    # -- alerts ---------------------------------------------------------------------------

    async def _work_alerts(self) -> None:
        # Thousands of signals are a task's work by themselves.
        await self._alert_budget.spend(0)
        while self._has_alerts() and not self._wants_new_history():
            if self._for_next and self._case is not None and not self._is_closed:
                self._inbox.put_first(self._for_next)
                self._for_next = []
            if self._case is None and self._start.revive is not None:
                await return_alerts(self._start.revive, self._inbox)
            elif self._case is None:
                await self._open()
            elif self._is_closed:
                # Not marked as seen: they are new to the next case.
                self._for_next += await alerts_for_next(
                    self._packed, self._start, self._case, self._inbox
                )
            else:
                await self._join(
                    await self._inbox.next_batch(lambda: self._open_case, lambda: self._slack.idle)
                )
            # A batch of duplicates, or one for the next case, has waited for nothing.
            await self._alert_budget.spend(_BATCH)

    async def _open(self) -> None:
        """Opens the case, unless the ledger knows its first alert."""
        waiting = self._inbox.take(1)
        if not waiting:
            return
        (alert,) = waiting
        self._seen.add(alert_key(alert))
        assert self._packed is not None
        if self._is_next:
            self._packed = await policy_now(self._packed)
        found, case, first = await opening(
            self._start.workflow_id, self._key, self._packed.policy, alert, self._start.after
        )
        if found.joins:
            await deliver_alerts(found.joins, [alert, *self._inbox.take()], None)
            self._seen.discard(alert_key(alert))  # that case may return it
        if found.event is not None and case is not None:
            # Before the case is shown: its first card has the protection.
            now, lost = self._clock.now, self._look_for_trips
            commands = await automation(case, first, found.pauses, now, lost)
            self._case = case
            self._apply_and_react(case, case, [ev.Recorded(seq=1, event=found.event)])
            self._automate_by(commands)

    def _automate_by(self, commands: Sequence[AutomaticCommand]) -> None:
        for each in commands:
            if not isinstance(each, MarkSample):
                self._alert_leads(each.limit)
                self._announce(each.pauses)
        self._decide(*commands, now=self._clock.now)

    async def _automate(self, alert: Assessed, pauses: tuple[AutomationPause, ...]) -> None:
        case, now, lost = self._open_case, self._clock.now, self._look_for_trips
        self._automate_by(await automation(case, alert, pauses, now, lost))

    async def _join(self, batch: list[Assessed]) -> None:
        # Lanes that waited for the previous claim go first.
        await workflow.wait_condition(lambda: not self._turns)
        if self._is_closed:
            self._inbox.put_first([each.alert for each in batch])
            return
        for each in batch:
            self._seen.add(alert_key(each.alert))
        self._claiming = True
        if any(is_automatic(self._open_case, each) for each in batch):
            await self._tighten(PROTECTION)
        new, unclaimed, pauses = await claim(self._open_case, batch, self._clock.now)
        self._claiming = False
        joins = (JoinAlert(alert=brief(a.alert), severity=a.weighed.severity) for a in new)
        self._decide(*joins, now=self._clock.now, unclaimed=unclaimed)
        for each in new:
            await self._automate(each, pauses)

    # -- presses --------------------------------------------------------------------------

    def _is_mine(self, click: Click) -> bool:
        """False for a case that closed, and was replaced by this one, during a role lookup."""
        return self._case is not None and click.case == self._case.id

    async def _forward_click(self, click: Click) -> None:
        await self._forward(Delivery(case=click.case, click=click))

    async def _execute(self, authorized: Authorized[Click]) -> None:
        click = authorized.click
        self._clock.note(click.received_at)
        now = await self._turn()
        if isinstance(click.command, BY_TODAYS_POLICY):
            # Also before the subjects of a bulk decision are read: they may be exempt since today.
            if not await self._tighten():
                self._answer(click, Refusal(reason=Reason.POLICY_UNKNOWN))
                return
            now = await self._turn()
        if self._bulk_members.intercepts(self._open_case, authorized, now):
            return
        command = await completed(self._open_case, click.command, now)
        now = await self._turn()
        refusal = command if isinstance(command, Refusal) else self._decide(command, now=now)
        if refusal is not None and refusal.limit is not None:
            self._alert_leads(refusal.limit)
            self._decide(NoteLimit(by=click.command.by.id, limit=refusal.limit), now=now)
        self._answer(click, refusal)

    async def _tighten(self, options: Options | None = None) -> bool:
        """Applies today's policy where it is stricter; False if it can't be read.

        A press is refused then. Automation goes by the known policy: harm does not wait.
        """
        try:
            today = await strictness_now(self._open_case, options)
        except FailureError:
            return False
        if today is not None:
            self._decide(Tighten(current=today), now=self._clock.now)
        return True

    async def _count_approvers(self, case: Case) -> None:
        count = await approvers(case)
        if count is not None and self._case is not None and self._case.id == case.id:
            self._decide(count, now=self._clock.now)

    async def _turn(self) -> datetime:
        """Waits for alerts that are joining, and decides what is overdue; returns the time."""
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
        if refusal is not None or isinstance(click.command, RevealEvidence):
            card, is_written = self._slack.card, self._ledger.is_written
            self._messages.run(answer(click, refusal, self._case, card, is_written))

    # -- news -----------------------------------------------------------------------------

    async def _handle_news(self, delivery: Delivery) -> None:
        if self._case is None or delivery.case != self._case.id:
            # It closed: only its own id finds it.
            await self._forward(delivery.model_copy(update={"workflow_id": ""}))
        elif self._seen.add(key_of(delivery)):
            now = await self._turn()
            self._decide(command_of(delivery), now=now)
        elif delivery.answer is not None:
            # Its appeal may have lost the result.
            self._appeal_notifier.repeat(self._case)

    async def _forward(self, delivery: Delivery) -> None:
        """Delivers to a case that closed before; refuses a press if there is no such case."""
        if self._start.revive is None:
            await deliver(delivery)
        elif delivery.click is not None:
            place = await execute(CasePort.place_of, delivery.case)
            lost = place is not None and place.open
            reason = Reason.CASE_LOST if lost else Reason.UNKNOWN_CASE
            self._answer(delivery.click, Refusal(reason=reason))

    # -- decisions ------------------------------------------------------------------------

    def _decide(
        self, *commands: Command, now: datetime, unclaimed: Sequence[Alert] = ()
    ) -> Refusal | None:
        """Decides several commands as one, records the events and reacts to them.

        `unclaimed` alerts joined without the ledger, and are written with the events.
        """
        before = self._open_case
        outcome = decide_in_turn(before, commands, now)
        if isinstance(outcome, Refusal):
            return outcome
        events, case = outcome
        if events:
            recorded = numbered(before, events)
            self._case = case
            self._ledger.add(recorded, [ReceivedAlert(alert=each, at=now) for each in unclaimed])
            self._apply_and_react(before, case, recorded)
        return None

    def _apply_and_react(self, before: Case, case: Case, happened: Sequence[ev.Recorded]) -> None:
        for each in happened:
            event = each.event
            self._enforcements.act_on(case, event)
            for message in messages_for(case, each, self._slack.card, self._slack.refused):
                self._messages.run(self._send(message))
            if isinstance(event, ev.ApprovalRequested | ev.PolicyTightened) and event.approval:
                self._tasks.run(self._count_approvers(case))
            if isinstance(event, ev.ActionSkipped) and event.problem is not None:
                self._look_for_trips(case)
            if isinstance(event, ev.CaseMerged):
                self._tasks.run(deliver(absorb_delivery(case, event)))
        self._slack.follow(before, case, happened)
        self._appeal_notifier.update(case)
        self._timer.set(self._deadline)

    def _alert_leads(self, limit: Full | None) -> None:
        """Alerts the leads as the ledger says, also where the case has nothing more to record."""
        if limit is not None and limit.alert:
            self._messages.run(alert_leads(limit, self._clock.now, self._open_case.id))

    def _announce(self, pauses: Sequence[AutomationPause]) -> None:
        """Announces the tripped breakers that stop the case; each once at most."""
        for pause in trips_of(self._open_case, pauses):
            if pause not in self._announced:
                self._announced.add(pause)
                self._tasks.run(announce(self._open_case, pause))

    def _look_for_trips(self, case: Case) -> None:
        """Reads and announces trips of which the case has had no answer from the ledger."""
        self._tasks.run(self._find_trips(case))

    async def _find_trips(self, case: Case) -> None:
        for pause in await current_trips(case):
            await announce(case, pause)

    async def _send(self, message: Tell) -> None:
        missed = await send(message)
        if missed is not None and self._case is not None and self._case.id == message.view.id:
            self.take_news(Delivery(case=message.view.id, missed=missed))

    def _call_instead(self, before: Refused, now: Refused, waiting: Sequence[ev.Recorded]) -> None:
        """Sends the calls directly that Slack turns out to refuse."""
        case, card = self._open_case, self._slack.card
        new = Refused(thread=now.calls and not before.calls)
        messages = list(calls_instead(case, waiting, card, new))
        if now.approval and not before.approval and case.approval is not None:
            asked = ev.ApprovalRequested(
                at=workflow.now(), by=case.approval.by, approval=case.approval
            )
            messages += approval_call(case, ev.Recorded(seq=case.version, event=asked), card)
        for message in messages:
            self._messages.run(self._send(message))

    # -- the end --------------------------------------------------------------------------

    def _quiet(self) -> bool:
        """Tasks beside the lanes are not waited for if the next case waits."""
        beside = not self._for_next and (self._tasks or self._messages)
        return super()._quiet() and not self._has_alerts() and not beside

    def _rows_are_old(self) -> bool:
        return self._quiet() and self._ledger.lacks(self._case)

    def _over(self) -> bool:
        if not self._quiet() or self._ledger.lacks(self._case) or self._enforcements.starting:
            return False
        closed = self._case is None or self._is_closed
        return closed and (bool(self._for_next) or not self._has_more_to_do())

    def _has_more_to_do(self) -> bool:
        """Whether a closed case waits for an undo, or for its approval."""
        return self._case is not None and (self._case.undoing or self._case.deadline is not None)

    async def _ends(self) -> bool:
        """Opens the next case for alerts that came after the end; True if there are none."""
        if not self._for_next:
            return True
        if self._case is not None and (self._has_more_to_do() or self._slack.stale):
            # An undo, its approval or the card: the case continues under its own id.
            await deliver(Delivery(case=self._case.id, wake=True))
            await deliver_all(self._clicks, self._news)
        alerts = (*self._for_next, *self._inbox.all_that_wait())
        beside = self._tasks or self._messages
        start = None if beside else fitted(self._next_start(None, alerts))
        if start is not None:
            workflow.continue_as_new(start)
        # Too many for a start, or this run has tasks to see the end of: the next case begins in it.
        self._inbox.put_first(alerts)
        self._for_next, self._is_next = [], True
        self._restore(CaseSnapshot(key=workflow.uuid4().hex))
        return False

    # -- continue as new ------------------------------------------------------------------

    def _may_continue_as_new(self) -> bool:
        busy = any(lane.busy for lane, _ in self._lanes())
        return not busy and self._wants_new_history()

    def _wants_new_history(self) -> bool:
        """Whether a new history is due. An enforcement's end is waited for unless it is urgent."""
        due, urgent = self._continuation.due, self._continuation.urgent
        # A lost case (`revive`) returns its alerts together. Silenced ones have an activity each.
        if not due or (self._case is None and (self._start.revive is not None or not self._inbox)):
            return False
        under_way = self._clicks or self._news or self._tasks or self._enforcements.starting
        if under_way or (self._messages and not urgent):
            return False
        if self._ledger.weight + self._inbox.weight > LARGEST_REST:
            return False
        return self._case is None or self._case.settled or urgent

    async def _continue_as_new(self) -> None:
        """Begins a new history with the whole state, unless a signal came in between."""
        await asyncio.gather(self._slack.pause(), self._ledger.pause())
        # Temporal refuses a new history if a signal came during the task: it has none now.
        await workflow.sleep(timedelta(milliseconds=1))
        if self._may_continue_as_new():
            alerts = (*self._for_next, *self._inbox.all_that_wait())
            # A next case reads today's policy again in a start of its own.
            memory = None if self._case is None and self._is_next else self._memory()
            start = fitted(self._next_start(memory, alerts))
            if start is not None:
                workflow.continue_as_new(start)
            self._for_next = []
            self._inbox.put_first(alerts)
            self._continuation.put_off()
        else:
            self._continuation.put_off(SOON)
        self._ledger.resume()
        self._slack.resume()

    def _next_start(self, memory: CaseSnapshot | None, alerts: Sequence[Alert]) -> CaseStart:
        """Carries the policy once: in the start, or in the memory of a reopened case."""
        own, pending = self._start.policy is not None, None
        if memory is not None:
            events, unclaimed = self._ledger.backlog
            pending = PendingWork(events=events, alerts=unclaimed, **self._slack.pending)
            memory = memory.model_copy(update={"policy": None if own else self._packed})
        return CaseStart(
            workflow_id=self._start.workflow_id,
            policy=self._packed if own else None,
            subject=self._start.subject,
            after=self._start.after if memory is not None else "",
            memory=memory,
            alerts=tuple(alerts),
            under_way=pending,
        )
