"""Appeal machine: reviewers' presses, deadlines, the case's news and the notices to the person.

Its events are a sequence of their own; the case gets only the answer.
"""

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import LEDGER, execute
from workflows.appeal.notices import answer_case, send_notice
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.commands import AppealClick, AppealCommand
from workflows.domain.appeal.model import OVER, Appeal, AppealState
from workflows.domain.appeal.rules import (
    apply_all_to_appeal,
    decide_appeal,
    numbered,
    overturn_use,
    received,
)
from workflows.domain.case.automation import Booking
from workflows.domain.case.commands import PersonCommandBase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.snapshot import ReceivedAlert, SeenKeys
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import stricter
from workflows.ports.appeals import (
    Against,
    AppealPort,
    AppealSnapshot,
    AppealStart,
    AppealWrite,
    appeal_row,
)
from workflows.ports.cases import CasePort, CurrentPolicy
from workflows.shared.authorize import Authorized, alert_leads
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.machine import Machine
from workflows.shared.slack_sync import AppealSlackSync, refuse
from workflows.shared.tasks import Tasks


class AppealMachine(Machine[AppealClick, AppealCommand]):
    """The work of one appeal, until the person, both cards and the ledger have the answer."""

    _slack: AppealSlackSync

    def __init__(self, start: AppealStart) -> None:
        super().__init__()
        # The deadline counts from the request, not from when a worker was free.
        requested = workflow.info().workflow_start_time
        fresh = received(start.id, start.request, start.rules, requested, start.titles)
        memory = start.memory or AppealSnapshot(appeal=fresh)
        self._start = start
        self._appeal = memory.appeal
        self._seen = SeenKeys(memory.seen)
        self._ledger = LedgerWriter(Tasks(reports_to=self._tasks), self._write)
        slack_tasks = Tasks(reports_to=self._tasks)
        self._slack = AppealSlackSync(
            slack_tasks, memory.card, memory.unposted, memory.thread_refused
        )
        self._recorded_card = memory.card
        self._notifying = False

    def memory(self) -> AppealSnapshot:
        """Returns the whole state."""
        return AppealSnapshot(
            appeal=self._appeal,
            card=self._slack.card,
            seen=self._seen.kept,
            unposted=tuple(self._slack.unposted),
            thread_refused=self._slack.thread_refused,
        )

    # -- the main loop --------------------------------------------------------------------

    async def _begin(self) -> bool:
        if self._appeal.state is AppealState.RECEIVED and not await self._file():
            return False
        if self._start.rebuilt:
            self._take_over()
        self._timer.set(self._deadline)
        return True

    def _take_over(self) -> None:
        """Continues what a run that was lost had under way."""
        self._slack.take_over(self._appeal, self._appeal.received_at)
        if self._appeal.state is AppealState.UNDOING:
            # The case may lack the answer; a second one has no effect, and gets the result again.
            self._tasks.run(answer_case(self._appeal))

    async def _file(self) -> bool:
        """Files it; False if another run already did."""
        request = self._appeal.request
        against = Against(case=request.case, decision=request.decision)
        appealed = await execute(AppealPort.load_appealed, against)
        events = decide_appeal(self._appeal, cmd.FileAppeal(appealed=appealed), workflow.now())
        assert not isinstance(events, Refusal)
        after = apply_all_to_appeal(self._appeal, events)
        recorded = numbered(self._appeal, events)
        write = AppealWrite(row=appeal_row(after), events=recorded)
        if not await execute(AppealPort.record_appeal, write):
            return False
        self._apply_and_react(after, recorded)
        return True

    def _wakes(self) -> bool:
        return super()._wakes() or self._next_notice() is not None

    async def _between_tasks(self) -> None:
        kind = self._next_notice()
        if kind is not None:
            self._notifying = True
            self._tasks.run(self._notify(kind))

    def _rows_are_old(self) -> bool:
        return self._slack.idle and self._ledger.idle and self._slack.card != self._recorded_card

    def _quiet(self) -> bool:
        beside = self._tasks or self._next_notice() or self._rows_are_old()
        return super()._quiet() and not beside

    def _over(self) -> bool:
        notified = not self._appeal.due_notices and self._appeal.undelivered is None
        return self._appeal.state in OVER and notified and self._quiet()

    def _may_continue_as_new(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._quiet()

    async def _continue_as_new(self) -> None:
        workflow.continue_as_new(
            self._start.model_copy(update={"memory": self.memory(), "rebuilt": False})
        )

    # -- lanes ----------------------------------------------------------------------------

    @property
    def _deadline(self) -> datetime | None:
        return self._appeal.deadline

    async def _tick(self) -> datetime:
        self._decide(cmd.AppealTick())
        return workflow.now()

    async def _handle_news(self, news: AppealCommand) -> None:
        await self._tick()
        self._decide(news)

    def _is_mine(self, click: AppealClick) -> bool:
        return click.appeal == self._appeal.id

    async def _execute(self, authorized: Authorized[AppealClick]) -> None:
        await self._tick()
        click, command = authorized.click, authorized.click.command
        refusal = await self._over_limit(command) or self._decide(command)
        if refusal is not None and refusal.limit is not None:
            self._decide(cmd.NoteLimit(by=command.by.id, limit=refusal.limit))
            if refusal.limit.alert:
                case, now = self._appeal.request.case, workflow.now()
                self._tasks.run(alert_leads(refusal.limit, now, case))
        self._answer(click, refusal)

    async def _over_limit(self, command: PersonCommandBase) -> Refusal | None:
        """Books an overturn, by the stricter of today's limits and those of the receipt."""
        if isinstance(decide_appeal(self._appeal, command, workflow.now()), Refusal):
            return None
        if not isinstance(command, cmd.Overturn):
            return None
        try:
            today = await execute(CasePort.strictness_now, CurrentPolicy(playbook="", known=""))
        except FailureError:
            return Refusal(reason=Reason.POLICY_UNKNOWN)
        limits = stricter(self._start.limits, today.limits if today is not None else None)
        use = overturn_use(self._appeal, command, limits)
        if use is None:
            return None
        booking = Booking(uses=(use,), at=workflow.now(), case=self._appeal.request.case)
        try:
            booked = await execute(CasePort.book, booking)
        except FailureError:
            # An answer to a person who waits does not wait for the ledger.
            workflow.logger.warning("overturn_counted_later", extra={"appeal": self._appeal.id})
            self._tasks.run(self._count_later(booking))
            return None
        full = booked.full
        if full is None:
            return None
        return Refusal(reason=Reason.LIMIT_REACHED, at=full.resets_at, limit=full)

    async def _count_later(self, booking: Booking) -> None:
        """Counts an overturn once the ledger is back, also above the limit: it was carried out."""
        counted = (each.model_copy(update={"most": None}) for each in booking.uses)
        await execute(CasePort.book, booking.model_copy(update={"uses": tuple(counted)}), LEDGER)

    def _answer(self, click: AppealClick, refusal: Refusal | None) -> None:
        if refusal is None:
            return
        found, case = self._appeal.appealed, self._appeal.request.case
        title, card = (found.title, found.card) if found is not None else (None, None)
        self._tasks.run(refuse(click, refusal, case, title, card))

    # -- decisions ------------------------------------------------------------------------

    def _decide(self, command: AppealCommand) -> Refusal | None:
        """Decides a command, records its events and reacts to them."""
        outcome = decide_appeal(self._appeal, command, workflow.now())
        if isinstance(outcome, Refusal):
            return outcome
        if outcome:
            recorded = numbered(self._appeal, outcome)
            self._ledger.add(recorded)
            self._apply_and_react(apply_all_to_appeal(self._appeal, outcome), recorded)
        return None

    def _apply_and_react(self, appeal: Appeal, happened: Sequence[ev.AppealRecorded]) -> None:
        self._appeal = appeal
        self._slack.unposted += happened
        self._slack.refresh(appeal)
        self._timer.set(appeal.deadline)
        if any(isinstance(each.event, ev.AnswerEvent) for each in happened):
            self._tasks.run(answer_case(appeal))

    async def _write(
        self,
        events: tuple[ev.AppealRecorded, ...],
        alerts: tuple[ReceivedAlert, ...],
        whole: bool,
    ) -> None:
        card = self._recorded_card = self._slack.card
        write = AppealWrite(row=appeal_row(self._appeal), events=events, card=card)
        await execute(AppealPort.record_appeal, write)

    # -- notices --------------------------------------------------------------------------

    def _next_notice(self) -> NoticeKind | None:
        """Returns the notice to send now: one at a time, so that they arrive in order."""
        return None if self._notifying else next(iter(self._appeal.due_notices), None)

    async def _notify(self, kind: NoticeKind) -> None:
        noted = await send_notice(
            self._start, self._appeal, kind, lambda: len(self._appeal.due_notices) > 1
        )
        await self._tick()
        self._decide(noted)
        self._notifying = False
