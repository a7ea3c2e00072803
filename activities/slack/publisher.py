"""Publisher of cards, threads, reports and direct messages: updated in place, posted once."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from temporalio import activity

from activities.slack.blocks import Block, Message
from activities.slack.cards.approval import approval_card, replaced_card
from activities.slack.cards.case import case_card
from activities.slack.client import Found, Sender, SlackTrouble
from activities.slack.files import Files
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader
from activities.slack.report_message import picture_of, report_message
from activities.slack.storm_digest import StormService, storm_calls
from activities.slack.thread import EVENT_TYPE, MAX_LINES, lines_message
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.domain.metrics.report import Chart, Report
from workflows.domain.people import Role
from workflows.ports.cases import Show, Shown

T = TypeVar("T")
Line = TypeVar("Line", ev.Recorded, AppealRecorded)

NAME_RETRY_DELAY, MAX_ATTEMPTS = timedelta(seconds=2), 20
"""Retries of a card that lacks names."""

TOO_LONG = frozenset({"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "too_many_blocks"})
"""Codes of a message that Slack may take in halves."""
MOST_MESSAGE = 10_000
"""Characters of a message with lines. Slack refuses more than about 13,000 in blocks."""

_log = structlog.get_logger(__name__)


def retry_for_names(reader: Reader) -> None:
    """Fails the attempt after a card was drawn with an id: it may stay on the screen for days.

    Raises:
        SlackTrouble: `names_unknown`, in the first attempts.
    """
    if reader.missing_names and activity.info().attempt < MAX_ATTEMPTS:
        raise SlackTrouble("names_unknown", unsure=False, delay=NAME_RETRY_DELAY)


class Publisher:
    """A message and its thread. Every method raises `SlackTrouble` where Slack fails."""

    def __init__(self, sender: Sender, progress: PostOnce | None = None) -> None:
        """`progress` is that of the running activity, unless it has more than one publisher."""
        self._sender = sender
        self._only_updates = False
        self.progress = progress or PostOnce()
        self.errors: dict[str, SlackTrouble] = {}

    async def part(self, name: str, work: Awaitable[T]) -> T | None:
        """The result of one part of the work; None where Slack refuses it, with the error kept.

        The other parts must not wait for it.
        """
        try:
            return await work
        except SlackTrouble as error:
            if not self.is_refusal(error):
                raise
            self.errors[name] = error
            return None

    async def publish(
        self, known: CardRef | None, channel: str, message: Message, field: str = "card"
    ) -> CardRef:
        """Updates the message, else posts it; `field` of `Posted` keeps where.

        A message that Slack does not let Koban change is deleted: two would have live buttons.
        """
        known = getattr(self.progress.posted, field) or known
        if known is not None and await self._sender.update(known, message):
            return known
        if known is not None and self._only_updates:
            return known
        fixed = known is not None and not await self._sender.remove(known)
        if known is not None and fixed:
            message = await self._beside(known, message)
        channel = known.channel if known is not None else channel
        ref = await self.progress.once(
            partial(self._find, channel, known, message),
            partial(self._sender.post, channel, message),
        )
        ref = ref.model_copy(update={"fixed": fixed})
        self.progress.done(**{field: ref})
        return ref

    async def _beside(self, old: CardRef, message: Message) -> Message:
        """The message as it is posted beside an old one that can't be deleted."""
        return message

    async def _find(self, channel: str, other: CardRef | None, message: Message) -> CardRef | None:
        """The message that an earlier attempt posted, updated: the case may have changed since."""
        event_type, payload = _metadata(message)
        async for found in self._sender.posted(channel, event_type, self.progress.since):
            ref = CardRef(channel=found["channel"], ts=found["ts"])
            is_other = other is not None and (ref.channel, ref.ts) == (other.channel, other.ts)
            if not is_other and _has(found, payload):
                return ref if await self._sender.update(ref, message) else None
        return None

    async def reply(self, card: CardRef, message: Message) -> None:
        """Posts one message in the thread, or in the channel where Slack refuses that."""

        async def find() -> int | None:
            return 1 if await self._replies(card, *_metadata(message)) else None

        async def post() -> int:
            try:
                await self._sender.post(card.channel, message, thread=card.ts)
            except SlackTrouble as error:
                if not self.is_refusal(error):
                    raise
                await self._sender.post(card.channel, message)
            return 1

        if self.progress.posted.through == 0:
            self.progress.done(through=await self.progress.once(find, post))

    async def reply_lines(
        self,
        card: CardRef,
        lines: Sequence[Line],
        draw: Callable[[tuple[Line, ...]], Awaitable[Message]],
        event_type: str,
        **payload: str,
    ) -> None:
        """Posts the lines that the thread lacks, up to `MAX_LINES` in a message.

        `event_type` and `payload` find what an earlier attempt posted.
        """

        async def find(first: int) -> int | None:
            replies = await self._replies(card, event_type, payload)
            seqs = [through for each in replies if (through := each["payload"].get("through"))]
            return max((seq for seq in seqs if seq >= first), default=None)

        async def post(part: tuple[Line, ...]) -> int:
            message, half = await draw(part), part[: len(part) // 2]
            if half and message.size > MOST_MESSAGE:
                return await post(half)
            try:
                await self._sender.post(card.channel, message, thread=card.ts)
            except SlackTrouble as error:
                if not half or error.code not in TOO_LONG:
                    raise
                return await post(half)
            return part[-1].seq

        while part := self._missing(lines):
            through = await self.progress.once(partial(find, part[0].seq), partial(post, part))
            self.progress.done(through=through)

    def is_refusal(self, error: SlackTrouble) -> bool:
        """Whether what follows must not wait for the failed call."""
        return error.is_refusal(self.progress.posted.attempt)

    def _missing(self, lines: Sequence[Line]) -> tuple[Line, ...]:
        through = self.progress.posted.through
        return tuple(line for line in lines if line.seq > through)[:MAX_LINES]

    async def _replies(
        self, card: CardRef, event_type: str, payload: Mapping[str, object]
    ) -> list[Found]:
        replies = self._sender.replied(card, event_type, self.progress.since)
        return [each async for each in replies if _has(each, payload)]


def _metadata(message: Message) -> tuple[str, dict[str, object]]:
    return message.metadata["event_type"], message.metadata["event_payload"]


def _has(found: Found, payload: Mapping[str, object]) -> bool:
    return bool(found["payload"].items() >= payload.items())


class CasePublisher(Publisher):
    """Card, thread and approval card of a case, for one `show`."""

    def __init__(
        self,
        wanted: Show,
        sender: Sender,
        progress: PostOnce,
        latest: Callable[[Show], Awaitable[Show]],
        reader_of: Callable[[Show], Awaitable[Reader]],
        channel_of: Callable[[Role], str | None],
        storms: StormService,
    ) -> None:
        """`channel_of` gives a role's channel for approvals; None: that of the case.

        `latest` and `reader_of` are called once the rate limiter admits the first call, so that
        a delayed write shows the current state.
        """
        super().__init__(sender, progress)
        self._wanted = wanted
        self._latest = latest
        self._reader_of = reader_of
        self._channel_of = channel_of
        self._storms = storms

    async def run(self) -> Shown:
        """Publishes everything.

        Raises:
            SlackTrouble: retryable.
            SlotCancelled: before the first call to Slack.
        """
        try:
            known = self.progress.posted.card or self._wanted.card
            await self._sender.reserve(known, self._wanted.view.channel)
            self._wanted = await self._latest(self._wanted)
            self._view, self._only_updates = self._wanted.view, self._wanted.only_update
            self._reader = await self._reader_of(self._wanted)
            shown = await self._show()
            if not self.errors:  # the case has to learn of a refusal at once
                retry_for_names(self._reader)
            return shown
        finally:
            self._sender.release()

    async def _show(self) -> Shown:
        wanted, view = self._wanted, self._view
        message = case_card(view, self._reader, wanted.refused, self._is_plain)
        card = await self.part("card", self.publish(wanted.card, view.channel, message))
        card = card or self.progress.posted.card or wanted.card
        if card is not None:
            lines = self.reply_lines(card, wanted.lines, self._lines, EVENT_TYPE, case=view.id)
            await self.part("thread", lines)
        approval = await self.part("approval", self._approval(card))
        if "approval" in self.errors:
            approval = self.progress.posted.approval or self._current_approval
        self._insist()
        return Shown(
            card=card,
            approval_card=approval,
            version=view.version,
            through=self.progress.posted.through or None,
            refused=Refused(**dict.fromkeys(self.errors, True)),
        )

    def _insist(self) -> None:
        """Fails the attempt where a background write should try until Slack takes it."""
        parts = [name for name in ("card", "approval") if name in self.errors]
        known = [name for name in ("card", "approval") if getattr(self._wanted.refused, name)]
        if parts and parts == known and self._wanted.background:
            raise self.errors[parts[0]]

    async def _beside(self, old: CardRef, message: Message) -> Message:
        if old != self._wanted.card:
            return message
        link = await self._sender.link(old)
        return case_card(self._view, self._reader, self._wanted.refused, True, link)

    async def _lines(self, part: tuple[ev.Recorded, ...]) -> Message:
        quiet = await storm_calls(self._storms, self._view, part)
        return lines_message(part, self._view, self._reader, quiet)

    @property
    def _is_plain(self) -> bool:
        card = self.progress.posted.card or self._wanted.card
        return card is not None and card.fixed

    @property
    def _current_approval(self) -> CardRef | None:
        """The known approval card, unless it is about an earlier request."""
        replaced = self._is_replaced(self._view.approval)
        return None if replaced else self._wanted.approval_card

    async def _approval(self, card: CardRef | None) -> CardRef | None:
        """The approval card of the pending request; None once it is over and drawn so."""
        approval, known = self._view.approval, self._current_approval
        link = partial(self._link, card)
        if known != self._wanted.approval_card and self._wanted.approval_card is not None:
            over = replaced_card(self._view, self._reader, await link())
            await self._end(self._wanted.approval_card, over)
        known = self.progress.posted.approval or known
        if approval is None or (known is None and not approval.pending):
            return None
        if known is not None and approval.pending and not self._is_changed(approval):
            return known
        assert self._view.decision is not None, "an approval without a decision"
        message = approval_card(
            self._view, approval, self._view.decision, self._reader, await link()
        )
        if approval.pending:
            return await self._request(known, approval.needs[0].role, card, message)
        if known is not None:
            await self._end(known, message)
        return None

    async def _link(self, card: CardRef | None) -> str | None:
        return None if card is None else await self._sender.link(card)

    async def _end(self, request: CardRef, message: Message) -> None:
        """Shows that a request is over, or deletes it: a new one must not wait for the old."""
        try:
            if not await self._sender.update(request, message):
                await self._sender.remove(request)
        except SlackTrouble as error:
            if not self.is_refusal(error):
                raise
            await self._sender.remove(request)

    async def _request(
        self, known: CardRef | None, role: Role, card: CardRef | None, message: Message
    ) -> CardRef:
        """Asks in the role's channel, else in that of the case."""
        beside = card.channel if card is not None else self._view.channel
        channel = self._channel_of(role) or beside
        try:
            return await self.publish(known, channel, message, "approval")
        except SlackTrouble as error:
            if not self.is_refusal(error) or channel == beside:
                raise
            return await self.publish(None, beside, message, "approval")

    def _is_replaced(self, approval: Approval | None) -> bool:
        """True where the known approval card is about an earlier request that has ended.

        Its end was never drawn, or the case would not have the card any more.
        """
        if approval is None:
            return True
        ended = False
        for each in self._wanted.lines:
            ended = ended or each.event.ends_request
            if ended and isinstance(each.event, ev.ApprovalRequested):
                return True
        return False

    def _is_changed(self, approval: Approval) -> bool:
        """True where the new lines are about the approval: alerts alone do not change its card."""
        if self._wanted.refused.approval:
            return True
        last = max((line.seq for line in self._wanted.lines), default=0)
        if self.progress.posted.through > last:
            return True  # an earlier attempt posted later lines, and may have failed after them
        return any(approval.purpose in line.event.on_requests for line in self._wanted.lines)


DrawChart = Callable[[Chart], bytes]
"""Draws a PNG."""

NO_PICTURES = frozenset(
    {
        "missing_scope",
        "not_allowed_token_type",
        "method_not_supported_for_channel_type",
        "posting_to_channel_denied",
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "storage_limit_reached",
    }
)
"""Codes of a workspace or channel that takes no picture: the report is posted without one."""
NOT_READY = frozenset({"invalid_blocks", "invalid_attachments"})
PAUSES = (0.5, 2.0, 4.0)
"""Seconds before each attempt to add the picture to the report."""


class ReportPublisher(Publisher):
    """A report and its picture, for one `post_report`.

    The text comes first: no picture may delay it. The picture is shared in the report's thread,
    so that everybody in the channel may see it, and is then added to the report. Slack checks a
    file for some seconds before a block may show it
    (https://github.com/slackapi/node-slack-sdk/issues/1865); after that the picture stays in the
    thread alone.
    """

    def __init__(
        self,
        report: Report,
        sender: Sender,
        files: Files,
        reader: Reader,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        super().__init__(sender)
        self._pauses = pauses
        self._report = report
        self._files = files
        self._reader = reader

    async def run(self, draw: DrawChart) -> CardRef:
        """Posts everything. Raises `SlackTrouble`."""
        card = self.progress.posted.card
        if card is None:
            card = await self.publish(None, self._report.channel, await self._message())
        chart = picture_of(self._report, self._reader)
        try:
            file = await self._shared(card, chart, draw)
        except SlackTrouble as error:
            if error.code not in NO_PICTURES:
                raise
            _log.warning("report_without_picture", report=self._report.key, code=error.code)
            return card
        image = {"type": "image", "slack_file": {"id": file}, "alt_text": chart.alt}
        if not await self._shows(card, image):
            _log.warning("picture_in_thread_only", report=self._report.key)
        return card

    async def _message(self, image: Block | None = None) -> Message:
        return report_message(self._report, self._reader, await self._files.base(), image)

    async def _shared(self, card: CardRef, chart: Chart, draw: DrawChart) -> str:
        """The id of the picture's file, shared by an earlier attempt or now."""
        name = f"koban-{hashlib.sha256(self._report.key.encode()).hexdigest()[:16]}.png"
        file = await self._files.shared(name, card)
        if file is not None:
            return file
        content = await asyncio.to_thread(draw, chart)
        return await self._files.upload(name, content, chart.title, chart.alt, card)

    async def _shows(self, card: CardRef, image: Block) -> bool:
        """Adds the picture to the report; False where Slack is not done with the file in time."""
        message = await self._message(image)
        for pause in self._pauses:
            await asyncio.sleep(pause)
            try:
                return await self._sender.update(card, message)
            except SlackTrouble as error:
                if error.code not in NOT_READY:
                    raise
        return False
