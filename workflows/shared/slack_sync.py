"""Keeps an appeal's card true: one write under way, and the last state always follows."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

from workflows.activity_options import cards_queue, slack_queue, updates_queue, worst_queue
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal
from workflows.domain.case.commands import Click, typed_in
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import changes_card, is_waited_for, view_of
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import Mention, Picture
from workflows.ports import appeals, cases
from workflows.ports.appeals import ShowAppeal
from workflows.ports.cases import Answer, Show, Shown
from workflows.ports.storms import ShowStorm, StormSnapshot, show_storm
from workflows.shared.tasks import Tasks, ends

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_ONE_WRITE = timedelta(seconds=60)
_MISSED = timedelta(seconds=10)
"""When a write whose worker was killed is tried again."""
_AGAIN = timedelta(seconds=30)
_RANK = Priority(priority_key=3)
"""Behind cases that burn: an appeal has days."""


class AppealSlackSync:
    """The card and the thread of one appeal."""

    def __init__(
        self, tasks: Tasks, card: CardRef | None, untold: tuple[AppealRecorded, ...]
    ) -> None:
        self._tasks = tasks
        self.card = card
        self.untold: list[AppealRecorded] = list(untold)
        self._appeal: Appeal | None = None
        self._stale = False
        self._showing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether Slack shows the last state."""
        return self._showing is None or self._showing.done()

    def refresh(self, appeal: Appeal, events: list[AppealRecorded]) -> None:
        """Shows `appeal`, and tells `events` in the thread, as soon as Slack takes it."""
        self.untold += events
        self._appeal, self._stale = appeal, True
        if self.idle:
            self._showing = self._tasks.run(self._show())

    async def _show(self) -> None:
        while self._stale and self._appeal is not None:
            self._stale = False
            lines = tuple(self.untold)
            self.card = await self._write(self._appeal, lines)
            self.untold = self.untold[len(lines) :]

    async def _write(self, appeal: Appeal, lines: tuple[AppealRecorded, ...]) -> CardRef:
        wanted = ShowAppeal(appeal=appeal, card=self.card, lines=lines)
        while True:
            try:
                return await workflow.execute_activity(
                    appeals.show_appeal,
                    wanted,
                    task_queue=slack_queue(workflow.info().task_queue),
                    start_to_close_timeout=_ONE_WRITE,
                    heartbeat_timeout=_MISSED,
                    retry_policy=_RETRY,
                    priority=_RANK,
                )
            except FailureError:
                await workflow.sleep(_AGAIN)


_IN_BACKGROUND = timedelta(minutes=5)
"""A write may wait for its turn: for one that died with its worker see `_MISSED`."""

_ANSWERING = timedelta(minutes=15)
_PATIENCE = timedelta(seconds=5)
"""How long a write may go on before it is called off for a new history."""


class SlackSync:
    """The card, the approval card and the thread of one case; `stale` while Slack is behind it."""

    def __init__(
        self,
        tasks: Tasks,
        card: CardRef | None,
        approval: CardRef | None,
        untold: tuple[Recorded, ...],
    ) -> None:
        self._tasks = tasks
        self.card = card
        self.approval = approval
        self.untold: list[Recorded] = list(untold)
        self._case: Case | None = None
        self.stale = False
        self.held = False
        self._waited_for = False
        self.unsure_since: datetime | None = None
        self._showing: asyncio.Task[None] | None = None
        self._background: ActivityHandle[Shown] | None = None

    @property
    def idle(self) -> bool:
        """Whether Slack shows the last state, or the rest is held."""
        return self._showing is None or self._showing.done()

    def follow(self, before: Case, case: Case, happened: Sequence[Recorded]) -> None:
        """Remembers lines for the thread, and shows `case` where it looks different now."""
        self.untold += [each for each in happened if each.event.in_thread]
        if changes_card(before, happened):
            self.refresh(case, any(is_waited_for(case, each.event) for each in happened))

    def refresh(self, case: Case, waited_for: bool = True) -> None:
        """Shows `case` as soon as Slack takes it; before all else where it is `waited_for`."""
        self._case, self.stale = case, True
        self._waited_for = self._waited_for or waited_for
        if self._waited_for and self._background is not None:
            self._background.cancel()
        self._begin()

    def newest(self) -> Show | None:
        """What a write that is late should show instead of what it was asked for."""
        case = self._case
        return None if case is None else self._wanted(case, background=True, late=True)

    @property
    def rest(self) -> dict[str, Any]:
        """What a new history has to know: that Slack shows an older state, and why it may not."""
        return {
            "stale": self.stale,
            "waited_for": self._waited_for,
            "unsure_since": self.unsure_since,
        }

    def take_over(self, case: Case, waited_for: bool, unsure_since: datetime | None) -> None:
        """Goes on with what the history before left stale."""
        self.unsure_since = unsure_since
        self.refresh(case, waited_for)

    async def put_down(self, within: timedelta = _PATIENCE) -> None:
        """Ends with the write under way; one that Slack does not take `within` is called off."""
        self.held = True
        if not await ends(self._showing, within):
            self.stale = True  # whether the last try came through is not known

    def pick_up(self) -> None:
        """Goes on after `put_down`."""
        self.held = False
        self._begin()

    def _begin(self) -> None:
        if self.stale and self.idle and not self.held:
            self._showing = self._tasks.run(self._show())

    async def _show(self) -> None:
        while self.stale and self._case is not None and not self.held:
            background, self._waited_for = not self._waited_for, False
            self.stale = False
            wanted = self._wanted(self._case, background)
            shown = await self._write(wanted)
            if shown is None:
                self.stale = self._waited_for = True
            else:
                self._note(wanted, shown)

    def _wanted(self, case: Case, background: bool, late: bool = False) -> Show:
        # While the case acts by itself its story is not over: the lines wait for the end.
        tells = case.settled and (late or self.card is not None)
        return Show(
            view=view_of(case),
            card=self.card,
            approval_card=self.approval,
            lines=tuple(self.untold) if tells else (),
            background=background,
            unsure_since=self.unsure_since,
        )

    def _note(self, wanted: Show, shown: Shown) -> None:
        """Takes down what stands in Slack now; what is still missing follows."""
        assert self._case is not None
        self.card, self.approval, self.unsure_since = shown.card, shown.approval_card, None
        told = max([shown.through or 0, *(line.seq for line in wanted.lines)])
        self.untold = [line for line in self.untold if line.seq > told]
        if shown.version == self._case.version:
            # It was late, and shows what came meanwhile.
            self.stale = self._waited_for = False
        if self.untold and self._case.settled:
            self.stale = True

    async def _write(self, wanted: Show) -> Shown | None:
        """What stands now; None where the write was called off for a person who waits."""
        began = workflow.now()
        while True:
            writing = self._start(wanted)
            if wanted.background:
                self._background = writing
            try:
                return await writing
            except FailureError:
                # It may have posted in a try before, and nobody else looks for that any more.
                self.unsure_since = self.unsure_since or began
                if self.held:
                    raise asyncio.CancelledError from None
                # One that was called off ends as cancelled, or with what its last try met.
                if wanted.background and self._waited_for:
                    return None
            finally:
                self._background = None
            await workflow.sleep(_AGAIN)
            wanted = wanted.model_copy(update={"unsure_since": self.unsure_since})

    def _start(self, wanted: Show) -> ActivityHandle[Shown]:
        base, background = workflow.info().task_queue, wanted.background
        new = worst_queue(base) if wanted.view.severity is Severity.CRITICAL else cards_queue(base)
        behind = updates_queue(base) if wanted.card is not None else new
        return workflow.start_activity(
            cases.show,
            wanted,
            task_queue=behind if background else slack_queue(base),
            start_to_close_timeout=_IN_BACKGROUND if background else _ONE_WRITE,
            heartbeat_timeout=_MISSED,
            retry_policy=_RETRY,
            priority=Priority(
                priority_key=wanted.view.severity.rank, fairness_key=_fair(wanted.view.channel)
            ),
            # A write that is called off ends first: two at a time could post twice.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


def _fair(channel: str) -> str:
    """Channels take turns; Temporal takes 64 bytes for a name."""
    return channel.encode()[:64].decode(errors="ignore")


async def answer(click: Click, refusal: Refusal, case: Case | None, card: CardRef | None) -> None:
    """Tells a person why their command was refused; gives up when it would come too late.

    `case` is the one that refused it, where there is one.
    """
    known = case is not None and case.id == click.case
    await refuse(
        Answer(
            person=click.command.by.id,
            place=click.place,
            case=click.case,
            refusal=refusal,
            command=click.command.kind,
            title=case.policy.playbook.title if case is not None and known else None,
            card=card if known else None,
            typed=typed_in(click.command),
        )
    )


async def refuse(wanted: Answer) -> None:
    """The same, for whatever was pressed."""
    try:
        await workflow.execute_activity(
            cases.answer,
            wanted,
            task_queue=slack_queue(workflow.info().task_queue),
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=_ANSWERING,
            retry_policy=_RETRY,
            priority=Priority(priority_key=1),
        )
    except FailureError:
        workflow.logger.warning("a refusal could not be shown", extra={"case": wanted.case})


async def show(
    key: str, picture: Picture, memory: StormSnapshot, over: bool, mentions: tuple[Mention, ...]
) -> CardRef:
    """Where the digest stands, once Slack has it."""
    wanted = ShowStorm(
        key=key,
        picture=picture,
        digest=memory.digest,
        over=over,
        mentions=mentions,
        number=memory.mentions,
    )
    while True:
        try:
            return await workflow.execute_activity(
                show_storm,
                wanted,
                task_queue=slack_queue(workflow.info().task_queue),
                start_to_close_timeout=_ONE_WRITE,
                heartbeat_timeout=_MISSED,
                retry_policy=_RETRY,
                priority=Priority(priority_key=2),
            )
        except FailureError:
            await workflow.sleep(_AGAIN)
