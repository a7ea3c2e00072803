"""The case: waits for alerts, people, the platform and the clock, and asks the domain what follows.

Signals only put into the inbox; `run` alone decides, one thing after another. Ledger and Slack
are kept up to date beside it, so that neither holds a decision up.
"""

from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from workflows import ports
    from workflows.casework.alarm import Alarm
    from workflows.casework.appellant import Appellant
    from workflows.casework.book import Book, write
    from workflows.casework.errands import Errands
    from workflows.casework.screen import Screen, answer
    from workflows.casework.vouching import Vouched, vouched_at_last, vouched_soon
    from workflows.conditions import holds
    from workflows.domain import events as ev
    from workflows.domain.alert import Alert, brief
    from workflows.domain.appealing.answer import AppealAnswer
    from workflows.domain.case import decide
    from workflows.domain.case_state import Case, Phase
    from workflows.domain.commands import AnswerAppeal, Click, Command, JoinAlert, Report, Tick
    from workflows.domain.enforcement import (
        ActionState,
        ActionStatus,
        Ask,
        AskKind,
        EnforcementReport,
    )
    from workflows.domain.history import apply, opened
    from workflows.domain.identity import case_id, enforcement_route
    from workflows.domain.memory import CardRef, Memory, remember
    from workflows.domain.playbook.matching import severity_of
    from workflows.domain.refusal import Reason, Refusal
    from workflows.enforcement import EnforcementWorkflow
    from workflows.ports import Answer, Delivery, Entry
    from workflows.starts import CaseStart, EnforcementStart, enforcing, lost

Message = Alert | Click | Vouched[Click] | EnforcementReport | AppealAnswer

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=30))


@workflow.defn
class CaseWorkflow:
    """One case, from its first alert until nothing is left to do or to show."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        memory = start.memory or Memory(key=workflow.info().run_id)
        self._start = start
        self._inbox: deque[Message] = deque(start.alerts)
        self._late: list[Alert] = []
        self._alarm = Alarm()
        self._errands = Errands()
        self._appellant = Appellant(self._errands)
        self._watches = Errands()
        self._snapped: tuple[CardRef | None, CardRef | None] | None = None
        self._restore(memory)

    def _restore(self, memory: Memory) -> None:
        self._key = memory.key
        self._case = memory.case
        self._seen = memory.seen
        self._book = Book(memory.key)
        self._screen = Screen(memory.card, memory.approval_card, memory.untold)

    @workflow.signal
    def alert(self, alert: Alert) -> None:
        """A detector saw something about the case's subject."""
        self._inbox.append(alert)

    @workflow.signal
    def click(self, click: Click) -> None:
        """A person pressed a button or sent a modal."""
        self._inbox.append(click)

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """News from the platform."""
        self._inbox.append(report)

    @workflow.signal
    def appeal_answered(self, answer: AppealAnswer) -> None:
        """Somebody else reviewed a decision of the case."""
        self._inbox.append(answer)

    @workflow.query
    def memory(self) -> Memory:
        """Everything the case knows now."""
        return Memory(
            key=self._key,
            case=self._case,
            card=self._screen.card,
            approval_card=self._screen.approval,
            seen=self._seen,
            untold=tuple(self._screen.untold),
        )

    @workflow.run
    async def run(self, start: CaseStart) -> None:
        """Works the inbox until the case is over; starts again when its history grew long."""
        try:
            await self._live(start)
        except FailureError as error:
            # It would end the case. Any other error only stops it until the cause is mended.
            raise RuntimeError("a case met a failure that it should have handled") from error

    async def _live(self, start: CaseStart) -> None:
        if start.revive is not None:
            await self._wake(start.revive)
        while True:
            await self._next()
            await self._work()
            if self._over():
                return self._end()
            if self._may_start_again():
                self._start_again(memory=self.memory())

    def _end(self) -> None:
        """Ends; alerts that came while the last card was being drawn open the next case."""
        if self._late:
            self._start_again(alerts=tuple(self._late))

    def _start_again(self, memory: Memory | None = None, alerts: tuple[Alert, ...] = ()) -> None:
        changed = {"memory": memory, "revive": None, "alerts": alerts}
        workflow.continue_as_new(self._start.model_copy(update=changed))

    async def _next(self) -> None:
        self._alarm.set(self._case.deadline if self._case else None)
        await workflow.wait_condition(
            lambda: (
                bool(self._inbox)
                or self._alarm.rang
                or self._snapshot_is_old()
                or self._over()
                or self._may_start_again()
            )
        )

    async def _work(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, Alert):
                await self._take_alert(message)
            elif isinstance(message, Click):
                await self._take_click(message)
            elif isinstance(message, Vouched):
                self._obey(message)
            elif isinstance(message, AppealAnswer):
                await self._take_answer(message)
            else:
                await self._take_report(message)
        self._alarm.heard()
        if self._case is not None:
            self._follow(Tick())
            self._keep()

    def _keep(self) -> None:
        """Brings ledger and Slack up to date with the case."""
        case = self._case
        assert case is not None
        if case.phase is not Phase.CLOSED:
            self._book.flush(case, self._screen.card, None)
        elif self._book.pending or self._snapshot_is_old():
            self._snapped = (self._screen.card, self._screen.approval)
            self._book.flush(case, self._screen.card, self._snapshot())

    def _snapshot(self) -> Memory:
        """What wakes a closed case up again; its thread has been told by then."""
        return self.memory().model_copy(update={"untold": ()})

    def _snapshot_is_old(self) -> bool:
        """Whether a closed case got its place in Slack only after its snapshot was written."""
        if self._case is None or self._case.phase is not Phase.CLOSED or not self._quiet():
            return False
        return self._snapped != (self._screen.card, self._screen.approval)

    # -- alerts ---------------------------------------------------------------------------

    async def _take_alert(self, alert: Alert) -> None:
        if not self._first_time(f"alert/{alert.key}"):
            return
        if self._case is None:
            await self._open(alert)
            return
        if self._case.phase is Phase.CLOSED:
            self._late.append(alert)
            return
        severity = severity_of(self._case.policy.playbook, alert, holds)
        self._follow(JoinAlert(alert=brief(alert), severity=severity), alert)

    async def _open(self, alert: Alert) -> None:
        """Opens the case under an id that the ledger grants; a known alert opens none."""
        policy = self._start.policy
        assert policy is not None
        event = ev.CaseOpened(
            at=workflow.now(),
            case="",
            playbook=policy.playbook.playbook,
            subject=alert.subject,
            severity=severity_of(policy.playbook, alert, holds),
            alert=brief(alert),
        )
        for attempt in range(100):
            named = event.model_copy(update={"case": case_id(self._key, attempt)})
            case = opened(self._start.route, policy, named)
            first = ev.Recorded(seq=1, event=named)
            entry = Entry(case=case, owner_key=self._key, events=(first,), alerts=(alert,))
            written = await write(entry)
            if not written.id_taken:
                break
        if alert.key not in written.known_alerts:
            self._case = case
            self._screen.refresh(case)

    # -- people ---------------------------------------------------------------------------

    async def _take_click(self, click: Click) -> None:
        if self._case is None or click.case != self._case.id:
            await self._forward(Delivery(case=click.case, click=click))
            return
        if not self._first_time(f"click/{click.id}"):
            return
        try:
            self._obey(await vouched_soon(click))
        except FailureError:
            self._errands.run(self._obey_later(click))

    async def _obey_later(self, click: Click) -> None:
        """Slack can't be asked who the person is: the click waits for that, the case does not."""
        try:
            self._inbox.append(await vouched_at_last(click))
        except FailureError:
            self._refuse(click, Refusal(reason=Reason.ROLES_UNKNOWN))

    def _obey(self, vouched: Vouched[Click]) -> None:
        click = vouched.click
        self._follow(Tick())  # what is overdue by now comes before what was pressed after it
        refusal = self._follow(click.command)
        if refusal is not None:
            self._refuse(click, refusal)

    def _refuse(self, click: Click, refusal: Refusal) -> None:
        wanted = Answer(
            person=click.command.by.id,
            place=click.place,
            case=click.case,
            refusal=refusal,
            command=click.command.kind,
        )
        self._errands.run(answer(wanted))

    # -- the platform ---------------------------------------------------------------------

    async def _take_report(self, report: EnforcementReport) -> None:
        if self._case is None or report.case != self._case.id:
            await self._forward(Delivery(case=report.case, report=report))
        elif self._first_time(f"report/{report.id}"):
            self._follow(Report(report=report))

    async def _take_answer(self, answer: AppealAnswer) -> None:
        if self._case is None or answer.case != self._case.id:
            await self._forward(Delivery(case=answer.case, answer=answer))
        elif self._first_time(f"appeal/{answer.appeal}"):
            self._follow(AnswerAppeal(answer=answer))

    def _carry_out(self, case: Case, jobs: tuple[ActionState, ...], undo: bool = False) -> None:
        """Begins the enforcement of the last decision, or of its undo."""
        self._watches.run(self._enforce(enforcing(case, self._start.route, jobs, undo)))

    async def _enforce(self, start: EnforcementStart) -> None:
        """Runs beside the case; one that stays for a lift tells of it by signal."""
        try:
            report = await workflow.execute_child_workflow(
                EnforcementWorkflow.run,
                start,
                id=enforcement_route(start.case, start.decision),
                parent_close_policy=ParentClosePolicy.ABANDON,
                priority=Priority(priority_key=start.rank),
            )
        except (ChildWorkflowError, WorkflowAlreadyStartedError):
            # Ended by an operator: the card offers Retry instead of waiting for ever.
            report = lost(start, workflow.uuid4().hex)
        self._inbox.append(report)

    def _ask(self, case: Case, kind: AskKind, by: str | None) -> None:
        """Asks the running enforcement; where none runs any more, one begins."""
        assert case.decision is not None
        self._errands.run(self._ask_running(case, Ask(kind=kind, by=by)))

    async def _ask_running(self, case: Case, ask: Ask) -> None:
        assert case.decision is not None
        route = enforcement_route(case.id, case.decision.id)
        try:
            await workflow.get_external_workflow_handle(route).signal("ask", ask)
        except FailureError:
            undo = ask.kind is AskKind.UNDO
            status = ActionStatus.UNDOING if undo else ActionStatus.PENDING
            jobs = tuple(a for a in case.current_actions if a.status is status)
            if jobs:
                self._carry_out(case, jobs, undo)

    # -- what follows ---------------------------------------------------------------------

    def _follow(self, command: Command, alert: Alert | None = None) -> Refusal | None:
        """Decides, applies, and starts what the events ask for."""
        assert self._case is not None
        outcome = decide(self._case, command, workflow.now())
        if isinstance(outcome, Refusal):
            return outcome
        recorded = []
        for event in outcome:
            self._case = apply(self._case, event)
            recorded.append(ev.Recorded(seq=self._case.version, event=event))
        for event in outcome:
            self._act_on(self._case, event)
        if recorded:
            self._book.add(recorded, alert)
            self._screen.tell(recorded)
            self._screen.refresh(self._case)
            self._appellant.look(self._case)
        return None

    def _act_on(self, case: Case, event: ev.Event) -> None:
        match event:
            case ev.Decided() if case.phase is Phase.ENFORCING:
                self._carry_out(case, case.current_actions)
            case ev.Approved(granted=True):
                self._carry_out(case, case.current_actions)
            case ev.ActionRetried():
                self._ask(case, AskKind.RETRY, event.by)
            case ev.ActionsGivenUp():
                self._ask(case, AskKind.GIVE_UP, event.by)
            case ev.UndoRequested():
                self._ask(case, AskKind.UNDO, event.by)
            case _:
                pass

    # -- waking, forwarding, ending -------------------------------------------------------

    async def _wake(self, case: str) -> None:
        memory = await workflow.execute_local_activity(
            ports.load_case,
            case,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=_PATIENTLY,
        )
        if memory is not None:
            self._restore(memory)

    async def _forward(self, delivery: Delivery) -> None:
        """Hands on what is for a case that closed before; says so where there is none."""
        if self._start.revive is None:
            await workflow.execute_activity(
                ports.deliver,
                delivery,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=_PATIENTLY,
            )
        elif delivery.click is not None:
            self._refuse(delivery.click, Refusal(reason=Reason.UNKNOWN_CASE))

    def _first_time(self, key: str) -> bool:
        if key in self._seen:
            return False
        self._seen = remember(self._seen, key)
        return True

    def _quiet(self) -> bool:
        """Whether nothing is under way that this run has to see the end of."""
        under_way = self._inbox or self._errands
        return not under_way and self._book.idle and self._screen.idle

    def _over(self) -> bool:
        if not self._quiet() or self._book.pending or self._snapshot_is_old():
            return False
        if self._case is None:
            return True
        return self._case.phase is Phase.CLOSED and not self._case.undoing

    def _may_start_again(self) -> bool:
        """Not while an enforcement acts: its answer would reach nobody."""
        if not workflow.info().is_continue_as_new_suggested() or not self._quiet():
            return False
        return self._case is not None and self._case.settled and not self._case.failed
