"""The case: waits for alerts, people, the platform and the clock, and asks the domain what follows.

Signals only put into the inbox; `run` alone decides, one thing after another. Ledger and Slack
are kept up to date beside it, so that neither holds a decision up.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows import ports
    from workflows.casework.alarm import Alarm
    from workflows.casework.appellant import Appellant
    from workflows.casework.book import Book, Late, policy_now
    from workflows.casework.braking import protection_now, tick_of
    from workflows.casework.calling import calls_for
    from workflows.casework.delivering import asked_by, deliver, hand_on, merged, name_of, news
    from workflows.casework.enforcing import Enforcing
    from workflows.casework.errands import Errands
    from workflows.casework.gathering import Gathering
    from workflows.casework.inbox import Inbox
    from workflows.casework.keeping import Keeping
    from workflows.casework.lingering import Lingering
    from workflows.casework.opening import joins, opening
    from workflows.casework.patience import at_last
    from workflows.casework.present import Present
    from workflows.casework.reading import Readable
    from workflows.casework.renewal import LARGEST_REST, Renewal, carries
    from workflows.casework.reopened import hand_over, left_here
    from workflows.casework.replaying import left_of, without
    from workflows.casework.revealing import answers
    from workflows.casework.screen import Screen
    from workflows.casework.vouching import Vouched, completed, vouched_at_last, vouched_soon
    from workflows.domain import events as ev
    from workflows.domain.alert import Alert
    from workflows.domain.appealing.answer import AppealAnswer
    from workflows.domain.case import decide_all
    from workflows.domain.case_state import Phase
    from workflows.domain.commands import Click, Command
    from workflows.domain.enforcement import EnforcementReport
    from workflows.domain.history import apply_all, numbered, opened
    from workflows.domain.memory import Memory
    from workflows.domain.refusal import Reason, Refusal
    from workflows.ports import Delivery, Show
    from workflows.starts import CaseStart, Underway


@workflow.defn
class CaseWorkflow(Readable):
    """One case, from its first alert until nothing is left to do or to show."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        self._start = start
        self._inbox = Inbox(start.alerts)
        self._lingering = Lingering(self._inbox)
        self._late: list[Alert] = []
        self._alarm = Alarm()
        self._present = Present()
        self._errands = Errands()
        self._appellant = Appellant(self._errands)
        self._enforcing = Enforcing(start.route, self._errands, self._inbox.put)
        self._renewal = Renewal()
        self._gathering = Gathering(self._errands, self._answer, self._inbox.put)
        self._follows = bool(start.alerts)
        # Restored here and not in `run`: a signal delivered with the start is handled first.
        self._restore(start.memory or Memory(key=workflow.info().run_id))

    def _restore(self, memory: Memory) -> None:
        self._key = memory.key
        self._case = memory.case
        self._inbox.seen = memory.seen
        self._book = Book(memory.key)
        self._screen = Screen(memory.card, memory.approval_card, memory.untold)
        self._keeping = Keeping(self._book, self._screen, self.memory)

    @workflow.signal
    def alert(self, alert: Alert) -> None:
        """A detector saw something about the case's subject."""
        self.alerts((alert,))

    @workflow.signal
    def alerts(self, alerts: tuple[Alert, ...]) -> None:
        """The same several times over: a detector sent them together."""
        self._lingering.hear(alerts, self._case, self._screen.idle)

    @workflow.signal
    def click(self, click: Click) -> None:
        """A person pressed a button or sent a modal."""
        self._inbox.put(click)

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """News from the platform."""
        self._inbox.put(report)

    @workflow.signal
    def absorb(self, delivery: Delivery) -> None:
        """Another case on the same subject was merged into this one."""
        self._inbox.put(delivery)

    @workflow.signal
    def appeal_answered(self, answer: AppealAnswer) -> None:
        """Somebody else reviewed a decision of the case."""
        self._inbox.put(answer)

    @workflow.signal
    def nudge(self) -> None:
        """Nothing happened: a case that sleeps notices a new version of Koban by it."""

    def newest(self) -> Show | None:
        """What a write to Slack that waited for long should show; None before the case."""
        return self._screen.newest()

    def memory(self) -> Memory:
        """Everything the case knows now."""
        return Memory(
            key=self._key,
            case=self._case,
            card=self._screen.card,
            approval_card=self._screen.approval,
            seen=self._inbox.seen,
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
            memory: Memory | None = await at_last(ports.load_case, start.revive)
            self._restore(memory or self.memory())
        self._take_over(start)
        while True:
            await self._next()
            await self._work()
            self._renewal.look()
            if self._over() and await self._ends():
                return
            if self._may_start_again():
                await self._start_again()

    # -- one case over several histories --------------------------------------------------

    def _take_over(self, start: CaseStart) -> None:
        """Goes on with what the run before had under way."""
        case, rest = self._case, start.under_way
        if case is None or start.memory is None:
            return
        if rest is not None:
            self._book.carry(Late(case=case, events=rest.events, alerts=rest.alerts))
        if rest is not None and rest.stale:
            self._screen.take_over(case, rest.waited_for, rest.unsure_since)
        self._enforcing.take_over(case)

    async def _ends(self) -> bool:
        """Whether the run is over; alerts that came during its last words open the next case."""
        if not self._late:
            return True
        if self._case is not None and self._has_more_to_do():
            # An undo, or its approval: that goes on elsewhere, the next case needs the place.
            await deliver(Delivery(case=self._case.id, wake=True))
            self._late += await hand_on(self._inbox)
        start = carries(self._next_start(memory=None))
        if start is not None:
            workflow.continue_as_new(start)
        # More of them than a start can hold: the next case begins in the same run.
        self._inbox.put_all(self._late)
        self._late, self._follows = [], True
        self._restore(Memory(key=workflow.uuid4().hex))
        return False

    async def _start_again(self) -> None:
        """Begins a new history with all that is known, unless something came in between."""
        await asyncio.gather(self._screen.put_down(), self._book.put_down())
        # Temporal refuses a new history where a signal came during the task: it has none now.
        await workflow.sleep(timedelta(milliseconds=1))
        await self._work()
        if self._may_start_again():
            start = carries(self._next_start(self.memory()))
            if start is not None:
                workflow.continue_as_new(start)
            self._renewal.put_off()
        self._book.pick_up()
        self._screen.pick_up()

    def _next_start(self, memory: Memory | None) -> CaseStart:
        events, alerts = self._book.unwritten
        rest = Underway(events=events, alerts=alerts, **self._screen.rest)
        changed = {"memory": memory, "revive": None, "alerts": tuple(self._late)}
        carried = rest if memory is not None and rest != Underway() else None
        return self._start.model_copy(update={**changed, "under_way": carried})

    async def _next(self) -> None:
        self._alarm.set(self._case.deadline if self._case else None)
        await workflow.wait_condition(
            lambda: (
                self._lingering.calls(self._screen.idle)
                or self._alarm.rang
                or self._snapshot_is_old()
                or self._over()
                or self._may_start_again()
            )
        )

    async def _work(self) -> None:
        while self._inbox:
            message = self._inbox.take()
            if isinstance(message, Alert):
                await self._take_alerts(self._inbox.with_those_behind(message))
            elif isinstance(message, Click):
                await self._take_click(message)
            elif isinstance(message, Vouched):
                await self._obey(message)
            else:
                await self._take_news(news(message))
        self._alarm.heard()
        self._lingering.end()
        if self._case is not None:
            await self._follow(await tick_of(self._case, self._present.now))
            self._keeping.keep(self._case)

    def _snapshot_is_old(self) -> bool:
        """Whether the ledger lacks something of the case that nobody will write any more."""
        return self._quiet() and self._keeping.wanted(self._case)

    # -- alerts ---------------------------------------------------------------------------

    async def _take_alerts(self, batch: list[Alert]) -> None:
        if self._case is not None and self._case.phase is Phase.CLOSED:
            # Not seen yet: the next case is to take them.
            late = [each for each in batch if self._inbox.is_new(f"alert/{each.key}")]
            self._late += await left_here(self._start, self._case, late)
            return
        fresh = [alert for alert in batch if self._inbox.first_time(f"alert/{alert.key}")]
        while fresh and self._case is None:
            reopened = await self._open(fresh[0])
            if reopened:
                await hand_over(reopened, fresh)
                return
            fresh = fresh[1:]
        if self._case is None or not fresh:
            return
        await self._follow(*joins(self._case, fresh), alerts=fresh)
        for alert in fresh:
            await self._protect(alert)

    async def _open(self, alert: Alert) -> str:
        """Opens the case; a known alert opens none. One that follows another has today's policy.

        The id of the case that takes the alert instead, where one was reopened.
        """
        start = self._start
        assert start.policy is not None
        policy = await policy_now(start.policy) if self._follows else start.policy
        happened = await opening(start.route, self._key, policy, alert, start.after)
        if isinstance(happened, str):
            return happened
        if happened:
            first = happened[0].event
            assert isinstance(first, ev.CaseOpened)
            self._case = opened(self._start.route, policy, first)
            self._go_on(happened)
            await self._protect(alert)
        return ""

    async def _protect(self, alert: Alert) -> None:
        """Protection first: what the playbook takes for this alert begins before anybody looks."""
        assert self._case is not None
        await self._follow(*await protection_now(self._case, alert))

    # -- people ---------------------------------------------------------------------------

    async def _take_click(self, click: Click) -> None:
        if self._case is None or click.case != self._case.id:
            await self._forward(Delivery(case=click.case, click=click))
            return
        if not self._inbox.first_time(f"click/{click.id}"):
            return
        try:
            vouched = await vouched_soon(click)
        except FailureError:
            self._errands.run(self._obey_later(click))
        else:
            await self._obey(vouched)

    async def _obey_later(self, click: Click) -> None:
        """Slack can't be asked who the person is: the click waits for that, the case does not."""
        try:
            self._inbox.put(await vouched_at_last(click))
        except FailureError:
            self._answer(click, Refusal(reason=Reason.ROLES_UNKNOWN))

    async def _obey(self, vouched: Vouched[Click]) -> None:
        click = vouched.click
        self._present.hear(click.received_at)
        assert self._case is not None
        # What is overdue comes before what was pressed after it.
        await self._follow(await tick_of(self._case, self._present.now))
        if self._gathering.takes(self._case, vouched):
            return
        command = await completed(self._case, click.command, self._present.now)
        refusal = command if isinstance(command, Refusal) else await self._follow(command)
        self._answer(click, refusal)

    def _answer(self, click: Click, refusal: Refusal | None) -> None:
        self._errands.run_all(answers(click, refusal, self._case, self._screen.card))

    # -- what follows ---------------------------------------------------------------------

    async def _follow(self, *commands: Command, alerts: Sequence[Alert] = ()) -> Refusal | None:
        """Decides, writes it down, and then does what it asks for.

        Several commands are decided as one. What an earlier try of this task wrote counts, and
        what is still wanted after it is decided anew.
        """
        while commands:
            assert self._case is not None
            outcome = decide_all(self._case, commands, self._present.now)
            if isinstance(outcome, Refusal):
                return outcome
            if not outcome:
                return None
            recorded = numbered(self._case, outcome)
            after = apply_all(self._case, outcome)
            written = await self._book.add(after, recorded, alerts, self._screen.card)
            if written.known_alerts:
                alerts = [each for each in alerts if each.key not in written.known_alerts]
                commands = without(commands, written.known_alerts)
                continue
            self._go_on(written.stands)
            commands = left_of(commands, written.stands) if written.earlier else ()
        return None

    def _go_on(self, happened: Sequence[ev.Recorded]) -> None:
        """Applies what stands in the ledger now, and does what follows from it."""
        assert self._case is not None
        events = [each.event for each in happened if not isinstance(each.event, ev.CaseOpened)]
        before, case = self._case, apply_all(self._case, events)
        self._case = case
        for event in events:
            self._enforcing.act_on(case, event)
            self._errands.run_all(calls_for(case, event, self._screen.card))
            if isinstance(event, ev.CaseMerged):
                self._errands.run(deliver(merged(case, event)))
        self._screen.follow(before, case, happened)
        self._appellant.look(case)

    # -- the platform, other cases, the end ------------------------------------------------

    async def _take_news(self, delivery: Delivery) -> None:
        if self._case is None or delivery.case != self._case.id:
            await self._forward(delivery.model_copy(update={"route": ""}))  # by its own name
        elif self._inbox.first_time(name_of(delivery)):
            await self._follow(asked_by(delivery))

    async def _forward(self, delivery: Delivery) -> None:
        """Hands on what is for a case that closed before; says so where there is none."""
        if self._start.revive is None:
            await deliver(delivery)
        elif delivery.click is not None:
            self._answer(delivery.click, Refusal(reason=Reason.UNKNOWN_CASE))

    def _quiet(self) -> bool:
        """Whether nothing is under way that this run has to see the end of."""
        return not (self._inbox or self._errands) and self._book.idle and self._screen.idle

    def _over(self) -> bool:
        if not self._quiet() or self._snapshot_is_old():
            return False
        closed = self._case is None or self._case.phase is Phase.CLOSED
        return closed and (bool(self._late) or not self._has_more_to_do())

    def _has_more_to_do(self) -> bool:
        """Whether a closed case waits for an undo, or for its approval."""
        return self._case is not None and (self._case.undoing or self._case.deadline is not None)

    def _may_start_again(self) -> bool:
        """Rather not while an enforcement acts: this run hears its answer at once."""
        if not self._renewal.due or self._case is None:
            return False
        under_way = self._inbox or self._errands or self._enforcing.starting
        if under_way or self._book.weight > LARGEST_REST:
            return False
        return self._case.settled or self._renewal.pressing
