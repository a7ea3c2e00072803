"""Brings a case's card, thread and approval card up to date, and posts nothing twice."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from temporalio import activity

from activities.slack import approval_card as request
from activities.slack import card as case
from activities.slack import lines as thread
from activities.slack.approval_card import approval_card, payload, replaced_card
from activities.slack.card import case_card
from activities.slack.drawing import Message
from activities.slack.lines import AT_ONCE, lines_message
from activities.slack.progress import Progress
from activities.slack.reader import Reader
from activities.slack.sender import Sender
from activities.slack.storm.door import StormDoor, handed_over
from activities.slack.troubles import SlackTrouble
from workflows.domain import events as ev
from workflows.domain.approval import Approval, Purpose
from workflows.domain.memory import CardRef
from workflows.domain.people import Role
from workflows.ports import Show, Shown

_OF_AN_APPROVAL = (
    ev.ApprovalRequested
    | ev.Approved
    | ev.Rejected
    | ev.ApprovalExpired
    | ev.ApprovalAsked
    | ev.ApprovalAnswered
    | ev.ApprovalReminded
    | ev.ApprovalWithdrawn
)
_OF_A_REVIEW = (
    ev.ActionSucceeded
    | ev.ActionVerified
    | ev.ActionFailed
    | ev.ActionSkipped
    | ev.ActionRolledBack
    | ev.ActionRehearsed
    | ev.ActionRetried
)
_ENDS = (
    ev.Rejected
    | ev.ApprovalWithdrawn
    | ev.ApprovalExpired
    | ev.Approved
    | ev.ActionsGivenUp
    | ev.CaseReopened
)
"""A request that follows one of these is a new one, or the same one asked for again."""


NAMES_AGAIN, MOST_TRIES = timedelta(seconds=2), 20
"""When, and how often, a card without all of its names is drawn again."""


def raise_for_names(reader: Reader) -> None:
    """Has a card drawn again that was drawn without a name: it may stay on the screen for days.

    Raises:
        SlackTrouble: names are missing, and were not often asked for.
    """
    if reader.lacks_names and activity.info().attempt < MOST_TRIES:
        raise SlackTrouble("names_unknown", unsure=False, delay=NAMES_AGAIN)


class Showing:
    """One `show`. `channel_of` says where requests for a role go, None: to the case's channel.

    `renew` gives what should be shown by now, and `reader_of` for whom: both are asked only once
    the first call to Slack may be made, however long that took.
    """

    def __init__(
        self,
        wanted: Show,
        sender: Sender,
        renew: Callable[[Show], Awaitable[Show]],
        reader_of: Callable[[Show], Awaitable[Reader]],
        channel_of: Callable[[Role], str | None],
        storms: StormDoor,
        progress: Progress,
    ) -> None:
        self._wanted = wanted
        self._sender = sender
        self._renew = renew
        self._reader_of = reader_of
        self._channel_of = channel_of
        self._storms = storms
        self._progress = progress

    async def run(self) -> Shown:
        """Shows everything; raises `SlackTrouble` where something has to be tried again.

        Raises:
            CalledOff: before anything was begun.
        """
        try:
            await self._sender.reserve(self._known, self._wanted.view.channel)
            self._wanted = await self._renew(self._wanted)
            self._view = self._wanted.view
            self._reader = await self._reader_of(self._wanted)
            shown = await self._show()
            raise_for_names(self._reader)
            return shown
        except SlackTrouble:
            self._progress.hand_on()
            raise
        finally:
            self._sender.give_back()

    async def _show(self) -> Shown:
        card = await self._card()
        await self._lines(card)
        approval = await self._approval(card)
        through = self._progress.posted.through or None
        return Shown(card=card, approval_card=approval, version=self._view.version, through=through)

    # -- the card -------------------------------------------------------------------------

    @property
    def _known(self) -> CardRef | None:
        return self._progress.posted.card or self._wanted.card

    async def _card(self) -> CardRef:
        message, known = case_card(self._view, self._reader), self._known
        if known is not None and await self._sender.update(known, message):
            return known
        channel = known.channel if known is not None else self._view.channel
        named = {"case": self._view.id}
        card = await self._progress.once(
            lambda: self._find(channel, case.EVENT_TYPE, known, message, named),
            lambda: self._sender.post(channel, message),
        )
        self._progress.done(card=card)
        return card

    async def _find(
        self,
        channel: str,
        event_type: str,
        but: CardRef | None,
        message: Message,
        named: Mapping[str, object],
    ) -> CardRef | None:
        """The newest such message that this activity can have posted, as `message` has it now."""
        async for found in self._sender.posted(channel, event_type, self._progress.since):
            ref = CardRef(channel=found["channel"], ts=found["ts"])
            if ref != but and found["payload"].items() >= named.items():
                return await self._sender.redrawn(ref, message)
        return None

    # -- the thread -----------------------------------------------------------------------

    async def _lines(self, card: CardRef) -> None:
        while part := self._part():
            through = await self._progress.once(
                lambda part=part: self._find_lines(card, part[0].seq),  # type: ignore[misc]
                lambda part=part: self._tell(card, part),  # type: ignore[misc]
            )
            self._progress.done(through=through)

    def _part(self) -> tuple[ev.Recorded, ...]:
        """What is still untold, as far as one message holds it."""
        told = self._progress.posted.through
        return tuple(line for line in self._wanted.lines if line.seq > told)[:AT_ONCE]

    async def _tell(self, card: CardRef, part: tuple[ev.Recorded, ...]) -> int:
        quiet = await handed_over(self._storms, self._view, part)
        message = lines_message(part, self._view, self._reader, quiet)
        await self._sender.post(card.channel, message, thread=card.ts)
        return part[-1].seq

    async def _find_lines(self, card: CardRef, first: int) -> int | None:
        """Up to which event a try before has told; it may have known of later ones than this."""
        through: int | None = None
        async for found in self._sender.replied(card, thread.EVENT_TYPE, self._progress.since):
            payload = found["payload"]
            told = payload.get("through")
            if payload.get("case") == self._view.id and isinstance(told, int) and told >= first:
                through = max(through or 0, told)
        return through

    # -- the approval card ----------------------------------------------------------------

    async def _approval(self, card: CardRef) -> CardRef | None:
        """Where the pending request stands; None once it is over and drawn so."""
        approval, standing = self._view.approval, self._wanted.approval_card
        if standing is not None and self._is_of_another(approval):
            link = await self._sender.link(card)
            await self._sender.update(standing, replaced_card(self._view, self._reader, link))
            standing = None
        if approval is None:
            return None
        standing = self._progress.posted.approval or standing
        if approval.pending and standing is not None and not self._changed(approval):
            return standing
        if standing is None and not approval.pending:
            return None
        return await self._draw(approval, standing, card)

    def _is_of_another(self, approval: Approval | None) -> bool:
        """Whether the standing card asked for something else, which came to its end since.

        Its end was never shown on its own, or the card would not stand any more.
        """
        if approval is None:
            return True
        ended = False
        for each in self._wanted.lines:
            ended = ended or isinstance(each.event, _ENDS)
            if ended and isinstance(each.event, ev.ApprovalRequested):
                return True
        return False

    def _changed(self, approval: Approval) -> bool:
        """A request changes with what its thread tells of it, and not with every new alert."""
        if self._progress.posted.through > max(
            (line.seq for line in self._wanted.lines), default=0
        ):
            return True  # a try before told more, and may have failed before it drew the request
        reviewed = approval.purpose is Purpose.REVIEW
        news = (_OF_AN_APPROVAL | _OF_A_REVIEW) if reviewed else _OF_AN_APPROVAL
        return any(isinstance(line.event, news) for line in self._wanted.lines)

    async def _draw(
        self, approval: Approval, standing: CardRef | None, card: CardRef
    ) -> CardRef | None:
        message = await self._request(approval, card)
        if standing is not None and await self._sender.update(standing, message):
            return standing if approval.pending else None
        if not approval.pending:
            return None
        channel = self._channel_of(approval.needs[0].role) or card.channel
        ref = await self._progress.once(
            lambda: self._find(
                channel, request.EVENT_TYPE, standing, message, payload(self._view, approval)
            ),
            lambda: self._sender.post(channel, message),
        )
        self._progress.done(approval=ref)
        return ref

    async def _request(self, approval: Approval, card: CardRef) -> Message:
        decision = self._view.decision
        assert decision is not None, "an approval without a decision"
        link = await self._sender.link(card)
        return approval_card(self._view, approval, decision, self._reader, link)
