"""Slack projection: one write at a time brings a card and its thread to the latest state."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityHandle

from workflows.activity_options import (
    CARD_UPDATE,
    NEW_CARD,
    NEW_CRITICAL_CARD,
    SLACK_PAUSE,
    execute,
    is_forged,
    start,
)
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal
from workflows.domain.case.commands import Click, typed_in
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.domain.case.view import changes_card, is_waited_for, view_of
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text
from workflows.ports.appeals import AppealPort, ShowAppeal
from workflows.ports.cases import Answer, CasePort, Show, Shown
from workflows.shared.tasks import PATIENCE, Lane, Tasks

OnRefused = Callable[[Refused, Refused, Sequence[Recorded]], None]
"""Gets what Slack refused before and refuses now, and the lines that waited."""

A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S", Case, Appeal)
E = TypeVar("E", Recorded, AppealRecorded)


class SlackSync(ABC, Generic[S, E]):
    """Card and thread of one workflow. `stale` while Slack shows an older state.

    `unposted` are the events that the thread lacks. A `held` sync starts no write.
    """

    def __init__(self, tasks: Tasks, card: CardRef | None, unposted: Sequence[E]) -> None:
        self._lane = Lane(tasks, self._sync)
        self.card = card
        self.unposted: list[E] = list(unposted)
        self.stale = False
        self.held = False
        self._state: S | None = None

    @property
    def idle(self) -> bool:
        """Whether Slack shows the latest state, or the rest is held."""
        return not self._lane.busy

    def refresh(self, state: S) -> None:
        """Shows `state` as soon as Slack takes it."""
        self._state, self.stale = state, True
        self._begin()

    async def pause(self, within: timedelta = PATIENCE) -> None:
        """Waits for the write under way, and cancels it after `within`."""
        self.held = True
        if not await self._lane.ends(within):
            self.stale = True  # the last attempt may have reached Slack, or not

    def resume(self) -> None:
        """Continues after `pause`."""
        self.held = False
        self._begin()

    def _begin(self) -> None:
        if self.stale and not self.held:
            self._lane.wake()

    async def _sync(self) -> None:
        while self.stale and self._state is not None and not self.held:
            self.stale = False
            await self._write(self._state)

    @abstractmethod
    async def _write(self, state: S) -> None:
        """Writes `state` and the missing lines of the thread."""


class AppealSlackSync(SlackSync[Appeal, AppealRecorded]):
    """Card and thread of one appeal."""

    def __init__(
        self,
        tasks: Tasks,
        card: CardRef | None,
        unposted: Sequence[AppealRecorded],
        thread_refused: bool = False,
    ) -> None:
        super().__init__(tasks, card, unposted)
        self.thread_refused = thread_refused
        self._unsure_since: datetime | None = None

    def take_over(self, state: Appeal, unsure_since: datetime) -> None:
        """Continues the writes of a run that was lost; they may have posted since then."""
        self._unsure_since = unsure_since
        self.refresh(state)

    async def _write(self, state: Appeal) -> None:
        lines, refused = tuple(self.unposted), self.thread_refused
        wanted = ShowAppeal(
            appeal=state,
            card=self.card,
            lines=lines,
            thread_refused=refused,
            unsure_since=self._unsure_since,
        )
        shown = await execute_until_taken(AppealPort.show_appeal, wanted)
        self._unsure_since = None
        self.card, self.thread_refused = shown.card, shown.thread_refused
        if not shown.thread_refused:
            self.unposted = self.unposted[len(lines) :]
        if shown.thread_refused is not refused:
            self.stale = True  # the card says so


class CaseSlackSync(SlackSync[Case, Recorded]):
    """Card, approval card and thread of one case.

    A write for a person cancels one in the background, which may wait for minutes. A cancelled
    write may have posted: `unsure_since` makes the next one look for it. While Slack refuses card
    or approval card, a write in the background tries that again. `on_refused` gets the lines that
    wait, and what Slack refuses, when that is new.
    """

    def __init__(
        self,
        tasks: Tasks,
        card: CardRef | None,
        approval: CardRef | None,
        unposted: Sequence[Recorded],
        refused: Refused,
        on_refused: OnRefused,
    ) -> None:
        super().__init__(tasks, card, unposted)
        self.approval = approval
        self.unsure_since: datetime | None = None
        self.refused = refused
        self._on_refused = on_refused
        self._urgent = False
        self._only_update = False
        self._background: ActivityHandle[Shown] | None = None

    def follow(self, before: Case, case: Case, happened: Sequence[Recorded]) -> None:
        """Queues lines for the thread, and shows `case` if its card changed."""
        self.unposted += [each for each in happened if each.event.in_thread]
        if changes_card(before, happened):
            self.show(case, any(is_waited_for(case, each.event) for each in happened))

    def show(self, case: Case, urgent: bool) -> None:
        """Shows `case` as soon as Slack takes it; ahead of the background if `urgent`."""
        self._only_update = False
        self._urgent = self._urgent or urgent
        if self._urgent and self._background is not None:
            self._background.cancel()
        self.refresh(case)

    def redraw(self, case: Case) -> None:
        """Updates a card that shows erased texts; it is not posted again where it is gone."""
        self.show(case, urgent=False)
        self._only_update = True

    def newest(self) -> Show | None:
        """Returns the latest state for a delayed write; None before the case is open."""
        case = self._state
        return None if case is None else self._wanted(case, background=True, late=True)

    @property
    def pending(self) -> dict[str, Any]:
        """The fields of `PendingWork` about Slack."""
        return {
            "stale": self.stale,
            "waited_for": self._urgent,
            "unsure_since": self.unsure_since,
        }

    def take_over(self, case: Case, urgent: bool, unsure_since: datetime | None) -> None:
        """Continues the write that the previous run left."""
        self.unsure_since = unsure_since
        self.show(case, urgent)

    async def _write(self, state: Case) -> None:
        background, self._urgent = not self._urgent, False
        wanted = self._wanted(state, background)
        shown = await self._shown(wanted)
        if shown is None:
            self.stale = self._urgent = True
        else:
            self._note(wanted, shown)

    def _wanted(self, case: Case, background: bool, late: bool = False) -> Show:
        # Lines wait until automatic actions have ended, so that the thread tells the outcome once.
        has_lines = case.settled and (late or self.card is not None)
        return Show(
            view=view_of(case),
            card=self.card,
            approval_card=self.approval,
            lines=tuple(self.unposted) if has_lines else (),
            background=background,
            unsure_since=self.unsure_since,
            refused=self.refused,
            only_update=self._only_update,
        )

    def _note(self, wanted: Show, shown: Shown) -> None:
        """Records what Slack shows now; the rest follows."""
        assert self._state is not None
        self.card, self.approval, self.unsure_since = shown.card, shown.approval_card, None
        refused = shown.refused
        posted = () if refused.thread or shown.card is None else wanted.lines
        through = max([shown.through or 0, *(line.seq for line in posted)])
        waiting, self.unposted = self.unposted, [e for e in self.unposted if e.seq > through]
        if shown.version == self._state.version:
            # A delayed write that already shows the latest state.
            self.stale = self._urgent = False
        if refused != self.refused:
            self._note_refused(refused, waiting)
        elif self.unposted and self._state.settled and not refused.calls:
            self.stale = True
        if refused.card or refused.approval:
            self.stale = True

    def _note_refused(self, refused: Refused, waiting: Sequence[Recorded]) -> None:
        before, self.refused = self.refused, refused
        self.stale = True  # the card says so
        self._on_refused(before, refused, waiting)

    async def _shown(self, wanted: Show) -> Shown | None:
        """Writes until Slack takes it; None if it was cancelled for an urgent write."""
        began = workflow.now()
        while True:
            writing = _start(wanted)
            if wanted.background:
                self._background = writing
            try:
                return await writing
            except FailureError:
                # An attempt may have posted, and its activity will not look for that any more.
                self.unsure_since = self.unsure_since or began
                if self.held:
                    raise asyncio.CancelledError from None
                # A cancelled activity ends as cancelled, or with the error of its last attempt.
                if wanted.background and self._urgent:
                    return None
            finally:
                self._background = None
            await workflow.sleep(SLACK_PAUSE)
            wanted = wanted.model_copy(update={"unsure_since": self.unsure_since})


def _start(wanted: Show) -> ActivityHandle[Shown]:
    severity, options = wanted.view.severity, None
    if wanted.background and wanted.card is not None:
        options = CARD_UPDATE
    elif wanted.background:
        options = NEW_CRITICAL_CARD if severity is Severity.CRITICAL else NEW_CARD
    # Channels take turns.
    fairness = wanted.view.channel.encode()[:64].decode(errors="ignore")
    return start(CasePort.show, wanted, options, rank=severity.rank, fairness=fairness)


async def execute_until_taken(activity: Callable[[Any, A], Awaitable[R]], wanted: A) -> R:
    """Repeats a write to Slack until it succeeds. Raises `ActivityError` after forged results."""
    while True:
        try:
            return await execute(activity, wanted)
        except FailureError as error:
            if is_forged(error):
                raise
            await workflow.sleep(SLACK_PAUSE)


async def refuse(
    click: Click | AppealClick,
    refusal: Refusal,
    case: str,
    title: Text | None,
    card: CardRef | None,
) -> None:
    """Posts why a press was refused, visible to its person only; gives up when it is too late."""
    wanted = Answer(
        person=click.command.by.id,
        place=click.place,
        case=case,
        refusal=refusal,
        command=click.command.kind,
        title=title,
        card=card,
        typed=typed_in(click.command),
    )
    try:
        await execute(CasePort.answer, wanted)
    except FailureError:
        workflow.logger.warning("a refusal could not be shown", extra={"case": case})
