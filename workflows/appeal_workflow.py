"""Appeal workflow: takes presses of reviewers, deadlines and the case's news, and acts on them.

It works as a case does: lanes decide in one synchronous step each, ledger, Slack and notices follow
beside them. Its events are a chain of their own; the case gets only the answer.
"""

from collections import deque
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.appeal.notices import tell_case, tell_person
from workflows.case.authorize import Authorized, Authorizer
from workflows.case.timers import DeadlineTimer
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.commands import AppealClick, AppealCommand
from workflows.domain.appeal.model import OVER, Appeal, AppealState
from workflows.domain.appeal.rules import apply_all_to_appeal, decide_in_turn, numbered, received
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.commands import typed_in
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.snapshot import ReceivedAlert, SeenKeys
from workflows.domain.policy.appeals import NoticeKind
from workflows.ports import appeals
from workflows.ports.appeals import Against, AppealSnapshot, AppealStart, AppealWrite, appeal_row
from workflows.ports.cases import Answer
from workflows.shared.ledger_calls import ask_until_answered
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.slack_sync import AppealSlackSync, refuse
from workflows.shared.tasks import Lane, TaskBudget, Tasks


@workflow.defn
class AppealWorkflow:
    """One appeal, from its request until the person, both cards and the ledger have the answer."""

    @workflow.init
    def __init__(self, start: AppealStart) -> None:
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        # Its clock runs from the request, whenever a worker takes it up.
        asked = workflow.info().workflow_start_time
        fresh = received(start.id, start.request, start.rules, asked, start.titles)
        memory = start.memory or AppealSnapshot(appeal=fresh)
        self._start = start
        self._appeal = memory.appeal
        self._seen = SeenKeys(memory.seen)
        self._clicks: deque[AppealClick | Authorized[AppealClick]] = deque()
        self._news: deque[AppealCommand] = deque()
        self._alarm = DeadlineTimer()
        self._tasks = Tasks()
        self._budget = TaskBudget()
        self._authorizer = Authorizer()
        self._lane = Lane(Tasks(reports_to=self._tasks), self._work)
        self._ledger: LedgerWriter[ev.AppealRecorded] = LedgerWriter(
            Tasks(reports_to=self._tasks), self._write
        )
        self._screen = AppealSlackSync(Tasks(reports_to=self._tasks), memory.card, memory.untold)
        self._placed = memory.card
        self._notifying = False

    @workflow.signal
    def click(self, click: AppealClick) -> None:
        """A reviewer pressed a button or sent a modal."""
        self._clicks.append(click)

    @workflow.signal
    def withdraw(self) -> None:
        """The person takes the appeal back."""
        self._news.append(cmd.WithdrawAppeal())

    @workflow.signal
    def settled(self, news: AppealSettled) -> None:
        """The case tells what became of the undo."""
        self._news.append(cmd.SettleAppeal(settled=news))

    @workflow.query
    def memory(self) -> AppealSnapshot:
        """Everything the appeal knows now."""
        return AppealSnapshot(
            appeal=self._appeal,
            card=self._screen.card,
            seen=self._seen.kept,
            untold=tuple(self._screen.untold),
        )

    @workflow.run
    async def run(self, start: AppealStart) -> None:
        """Files the appeal, works what comes, and ends once everybody has the answer."""
        try:
            await self._main_loop()
        except FailureError as error:
            # It would end the appeal. Any other error only stops it until the cause is mended.
            raise RuntimeError("an appeal met a failure that it should have handled") from error

    async def _main_loop(self) -> None:
        if self._appeal.state is AppealState.RECEIVED and not await self._file():
            return
        self._alarm.set(self._appeal.deadline)
        while not self._over():
            await workflow.wait_condition(self._wakes)
            self._tasks.raise_failure()
            if self._waiting_work():
                self._lane.wake()
            self._notify()
            if self._card_is_unwritten():
                self._ledger.touch()
            if self._may_start_again():
                workflow.continue_as_new(self._start.model_copy(update={"memory": self.memory()}))

    async def _file(self) -> bool:
        """Files it; False where the ledger has it from an earlier run."""
        request = self._appeal.request
        against = Against(case=request.case, decision=request.decision)
        found = await ask_until_answered(appeals.load_appealed, against)
        filed, _ = decide_in_turn(self._appeal, (cmd.FileAppeal(appealed=found),), workflow.now())
        after = apply_all_to_appeal(self._appeal, filed)
        recorded = numbered(self._appeal, filed)
        write = AppealWrite(row=appeal_row(after), events=recorded)
        if not await ask_until_answered(appeals.record_appeal, write):
            return False
        self._apply_and_react(after, recorded)
        return True

    def _wakes(self) -> bool:
        return (
            self._tasks.failed
            or (self._waiting_work() and not self._lane.busy)
            or self._next_notice() is not None
            or self._card_is_unwritten()
            or self._over()
            or self._may_start_again()
        )

    def _waiting_work(self) -> bool:
        return bool(self._clicks or self._news or self._alarm.rang)

    def _card_is_unwritten(self) -> bool:
        return self._screen.idle and self._ledger.idle and self._screen.card != self._placed

    async def _work(self) -> None:
        while self._waiting_work():
            self._decide(cmd.AppealTick())  # what is overdue comes before what was pressed
            if self._alarm.rang:
                self._alarm.heard()
                self._alarm.set(self._appeal.deadline)
            if self._clicks:
                await self._take(self._clicks.popleft())
            elif self._news:
                self._decide(self._news.popleft())
            await self._budget.spend()

    # -- people ---------------------------------------------------------------------------

    async def _take(self, click: AppealClick | Authorized[AppealClick]) -> None:
        if isinstance(click, Authorized):
            self._execute(click.click)
            return
        if click.appeal != self._appeal.id or not self._seen.add(click.id):
            return
        try:
            known = self._authorizer.known(click, workflow.now())
            known = known or await self._authorizer.ask(click)
        except FailureError:
            self._tasks.run(self._authorize_later(Authorized(click, workflow.now())))
        else:
            self._execute(known.click)

    async def _authorize_later(self, known: Authorized[AppealClick]) -> None:
        """Slack can't be asked who the person is: the press waits for that, the appeal does not."""
        try:
            self._clicks.append(await self._authorizer.ask_in_time(known))
        except FailureError:
            self._refuse(known.click, Refusal(reason=Reason.ROLES_UNKNOWN))

    def _execute(self, click: AppealClick) -> None:
        refusal = self._decide(cmd.AppealTick(), click.command)
        if refusal is not None:
            self._refuse(click, refusal)

    def _refuse(self, click: AppealClick, refusal: Refusal) -> None:
        found = self._appeal.appealed
        wanted = Answer(
            person=click.command.by.id,
            place=click.place,
            case=self._appeal.request.case,
            refusal=refusal,
            command=click.command.kind,
            title=found.title if found is not None else None,
            card=found.card if found is not None else None,
            typed=typed_in(click.command),
        )
        self._tasks.run(refuse(wanted))

    # -- decisions ------------------------------------------------------------------------

    def _decide(self, *commands: AppealCommand) -> Refusal | None:
        """Decides commands one after another by one clock, records the events, reacts to them."""
        events, refusal = decide_in_turn(self._appeal, commands, workflow.now())
        if events:
            recorded = numbered(self._appeal, events)
            after = apply_all_to_appeal(self._appeal, events)
            self._appeal = after
            self._ledger.add(recorded)
            self._apply_and_react(after, recorded)
        return refusal

    def _apply_and_react(self, appeal: Appeal, happened: Sequence[ev.AppealRecorded]) -> None:
        """Applies and shows what happened."""
        self._appeal = appeal
        self._screen.refresh(appeal, list(happened))
        self._alarm.set(appeal.deadline)
        if any(isinstance(each.event, ev.AnswerEvent) for each in happened):
            self._tasks.run(tell_case(appeal))

    async def _write(
        self,
        events: tuple[ev.AppealRecorded, ...],
        alerts: tuple[ReceivedAlert, ...],
        whole: bool,
    ) -> None:
        card = self._placed = self._screen.card
        write = AppealWrite(row=appeal_row(self._appeal), events=events, card=card)
        await ask_until_answered(appeals.record_appeal, write)

    # -- notices --------------------------------------------------------------------------

    def _next_notice(self) -> NoticeKind | None:
        """The notice to send now: one after another, so that they arrive in their order."""
        return None if self._notifying else next(iter(self._appeal.due_notices), None)

    def _notify(self) -> None:
        kind = self._next_notice()
        if kind is not None:
            self._notifying = True
            self._tasks.run(self._send(kind))

    async def _send(self, kind: NoticeKind) -> None:
        noted = await tell_person(
            self._start, self._appeal, kind, lambda: len(self._appeal.due_notices) > 1
        )
        self._decide(cmd.AppealTick(), noted)
        self._notifying = False

    # -- ending ---------------------------------------------------------------------------

    def _quiet(self) -> bool:
        """Whether nothing is under way that this run has to see the end of."""
        return not (
            self._waiting_work()
            or self._lane.busy
            or self._next_notice()
            or self._card_is_unwritten()
            or self._tasks
            or not self._ledger.idle
            or not self._screen.idle
        )

    def _over(self) -> bool:
        told = not self._appeal.due_notices and self._appeal.undelivered is None
        return self._appeal.state in OVER and told and self._quiet()

    def _may_start_again(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._quiet()
