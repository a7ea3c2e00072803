"""The appeal: waits for reviewers, the clock and the case, and asks the domain what follows.

Like a case, it decides in `run` alone, one thing after another, and what stands in the ledger is
what happened; Slack and notices are kept up to date beside it. Its story is a chain of its own; the
case hears only the answer.
"""

from collections import deque
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows.appealing.book import AppealBook, file, load
    from workflows.appealing.ports import Against
    from workflows.appealing.replaying import left_of
    from workflows.appealing.screen import AppealScreen
    from workflows.appealing.start import AppealMemory, AppealStart
    from workflows.appealing.telling import tell_case, tell_person
    from workflows.casework.alarm import Alarm
    from workflows.casework.errands import Errands
    from workflows.casework.reading import Readable
    from workflows.casework.screen import refuse
    from workflows.casework.vouching import vouched_at_last, vouched_soon
    from workflows.domain.appeal import decide_in_turn
    from workflows.domain.appealing import commands as cmd
    from workflows.domain.appealing import events as ev
    from workflows.domain.appealing.answer import AppealSettled
    from workflows.domain.appealing.commands import AppealClick, AppealCommand
    from workflows.domain.appealing.history import apply_all_to_appeal, numbered, received
    from workflows.domain.appealing.state import OVER, AppealState
    from workflows.domain.memory import remember
    from workflows.domain.playbook.appeals import NoticeKind
    from workflows.domain.refusal import Reason, Refusal
    from workflows.domain.typed import typed_in
    from workflows.ports import Answer


@workflow.defn
class AppealWorkflow(Readable):
    """One appeal, from its request until the person, both cards and the ledger know the answer."""

    @workflow.init
    def __init__(self, start: AppealStart) -> None:
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        # Its clock runs from the request, whenever a worker takes it up.
        asked = workflow.info().workflow_start_time
        fresh = received(start.id, start.request, start.rules, asked, start.titles)
        memory = start.memory or AppealMemory(appeal=fresh)
        self._start = start
        self._appeal = memory.appeal
        self._seen = memory.seen
        self._clicks: deque[AppealClick] = deque()
        self._vouched: deque[AppealClick] = deque()
        self._news: deque[AppealCommand] = deque()
        self._alarm = Alarm()
        self._errands = Errands()
        self._book = AppealBook()
        self._screen = AppealScreen(memory.card, memory.untold)
        self._notifying = False
        self._adopted: list[ev.AppealRecorded] = []

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

    def memory(self) -> AppealMemory:
        """Everything the appeal knows now."""
        return AppealMemory(
            appeal=self._appeal,
            card=self._screen.card,
            seen=self._seen,
            untold=tuple(self._screen.untold),
        )

    @workflow.run
    async def run(self, start: AppealStart) -> None:
        """Files the appeal, works what comes, and ends once everybody knows the answer."""
        try:
            await self._live()
        except FailureError as error:
            # It would end the appeal. Any other error only stops it until the cause is mended.
            raise RuntimeError("an appeal met a failure that it should have handled") from error

    async def _live(self) -> None:
        if self._appeal.state is AppealState.RECEIVED and not await self._file():
            return
        while not self._over():
            await self._work()
            await self._next()
            if self._may_start_again():
                memory = self.memory()
                workflow.continue_as_new(self._start.model_copy(update={"memory": memory}))

    async def _file(self) -> bool:
        """Files it; False where the ledger knows it from an earlier run."""
        request = self._appeal.request
        found = await load(Against(case=request.case, decision=request.decision))
        filed, _ = decide_in_turn(self._appeal, (cmd.FileAppeal(appealed=found),), workflow.now())
        after = apply_all_to_appeal(self._appeal, filed)
        written = await file(after, numbered(self._appeal, filed))
        if written.filed_before:
            return False
        self._go_on(written.stands)
        return True

    async def _next(self) -> None:
        self._alarm.set(self._appeal.deadline)
        await workflow.wait_condition(
            lambda: self._waiting_work() or self._over() or self._may_start_again()
        )

    def _waiting_work(self) -> bool:
        return bool(
            self._clicks
            or self._vouched
            or self._news
            or self._alarm.rang
            or self._next_notice()
            or self._card_is_unwritten()
        )

    def _card_is_unwritten(self) -> bool:
        return self._screen.idle and self._book.idle and self._book.lacks(self._screen.card)

    async def _work(self) -> None:
        self._alarm.heard()
        await self._follow(cmd.AppealTick())  # what is overdue comes before what was pressed
        while self._clicks:
            await self._take(self._clicks.popleft())
        while self._vouched:
            await self._obey(self._vouched.popleft())
        while self._news:
            await self._follow(self._news.popleft())
        self._adopted = []
        self._notify()
        if self._card_is_unwritten():
            self._book.place(self._appeal, self._screen.card)

    # -- people ---------------------------------------------------------------------------

    async def _take(self, click: AppealClick) -> None:
        if click.appeal != self._appeal.id or click.id in self._seen:
            return
        self._seen = remember(self._seen, click.id)
        try:
            vouched = await vouched_soon(click)
        except FailureError:
            self._errands.run(self._obey_later(click))
        else:
            await self._obey(vouched.click)

    async def _obey_later(self, click: AppealClick) -> None:
        """Slack can't be asked who the person is: the click waits for that, the appeal does not."""
        try:
            self._vouched.append((await vouched_at_last(click)).click)
        except FailureError:
            self._refuse(click, Refusal(reason=Reason.ROLES_UNKNOWN))

    async def _obey(self, click: AppealClick) -> None:
        refusal = await self._follow(cmd.AppealTick(), click.command)
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
        self._errands.run(refuse(wanted))

    # -- what follows ---------------------------------------------------------------------

    async def _follow(self, *commands: AppealCommand) -> Refusal | None:
        """Decides, writes it down, and then does what it asks for.

        What an earlier try of this task wrote counts, also for what is pressed after this, and
        what is still wanted after it is decided anew.
        """
        while True:
            left = left_of(commands, self._adopted)
            events, refusal = decide_in_turn(self._appeal, left, workflow.now())
            if not events:
                return refusal
            after = apply_all_to_appeal(self._appeal, events)
            recorded = numbered(self._appeal, events)
            written = await self._book.add(after, recorded, self._screen.card)
            self._go_on(written.stands)
            if not written.earlier:
                return refusal
            self._adopted += written.stands

    def _go_on(self, happened: Sequence[ev.AppealRecorded]) -> None:
        """Applies what stands in the ledger now, and does what follows from it."""
        self._appeal = apply_all_to_appeal(self._appeal, (each.event for each in happened))
        self._screen.refresh(self._appeal, list(happened))
        if any(isinstance(each.event, ev.AppealUpheld | ev.AppealOverturned) for each in happened):
            self._errands.run(tell_case(self._appeal))

    # -- notices --------------------------------------------------------------------------

    def _next_notice(self) -> NoticeKind | None:
        """The notice to send now: one after another, so that they arrive in their order."""
        return None if self._notifying else next(iter(self._appeal.untold), None)

    def _notify(self) -> None:
        kind = self._next_notice()
        if kind is not None:
            self._notifying = True
            self._errands.run(self._send(kind))

    async def _send(self, kind: NoticeKind) -> None:
        noted = await tell_person(
            self._start, self._appeal, kind, lambda: len(self._appeal.untold) > 1
        )
        self._news.append(noted)
        self._notifying = False

    # -- ending ---------------------------------------------------------------------------

    def _quiet(self) -> bool:
        """Whether nothing is under way that this run has to see the end of."""
        return not (
            self._waiting_work() or self._errands or not self._book.idle or not self._screen.idle
        )

    def _over(self) -> bool:
        told = not self._appeal.untold and self._appeal.undelivered is None
        return self._appeal.state in OVER and told and self._quiet()

    def _may_start_again(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._quiet()
