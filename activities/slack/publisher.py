"""Publisher of cards, threads, digests and reports: drawn anew where they stand, posted once."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from temporalio import activity

from activities.slack.blocks import Block, Message
from activities.slack.cards.appeal import LINES_TYPE, appeal_card, appeal_lines
from activities.slack.cards.approval import approval_card, replaced_card
from activities.slack.cards.case import case_card
from activities.slack.client import Sender, SlackTrouble
from activities.slack.files import Files, Picture
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader
from activities.slack.report_message import picture_of, report_message
from activities.slack.storm_digest import StormService, calls, digest, handed_over
from activities.slack.thread import AT_ONCE, EVENT_TYPE, lines_message
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Chart, Report
from workflows.domain.people import Role
from workflows.ports.appeals import ShowAppeal
from workflows.ports.cases import Show, Shown
from workflows.ports.storms import ShowStorm

Line = TypeVar("Line", ev.Recorded, AppealRecorded)

NAMES_AGAIN, MOST_TRIES = timedelta(seconds=2), 20
"""When, and how often, a card without all of its names is drawn again."""

_log = structlog.get_logger(__name__)


def raise_for_names(reader: Reader) -> None:
    """Has a card drawn again that was drawn without a name: it may stay on the screen for days.

    Raises:
        SlackTrouble: names are missing, and were not often asked for.
    """
    if reader.lacks_names and activity.info().attempt < MOST_TRIES:
        raise SlackTrouble("names_unknown", unsure=False, delay=NAMES_AGAIN)


class Publisher:
    """A message and its thread, posted once over all tries of one activity."""

    def __init__(self, sender: Sender, progress: PostOnce) -> None:
        self._sender = sender
        self._progress = progress

    @asynccontextmanager
    async def _trying(self) -> AsyncIterator[None]:
        """What is posted goes along to the next try where this one fails."""
        try:
            yield
        except SlackTrouble:
            self._progress.hand_on()
            raise

    async def _publish(self, known: CardRef | None, channel: str, message: Message) -> CardRef:
        """Draws the message anew where it stands, else posts it."""
        known = self._progress.posted.card or known
        if known is not None and await self._sender.update(known, message):
            return known
        channel = known.channel if known is not None else channel
        card = await self._progress.once(
            partial(self._find, channel, known, message),
            partial(self._sender.post, channel, message),
        )
        self._progress.done(card=card)
        return card

    async def _find(self, channel: str, but: CardRef | None, message: Message) -> CardRef | None:
        """The newest such message that this activity can have posted, as `message` has it now."""
        named = message.metadata
        since = self._progress.since
        async for found in self._sender.posted(channel, named["event_type"], since):
            ref = CardRef(channel=found["channel"], ts=found["ts"])
            if ref != but and found["payload"].items() >= named["event_payload"].items():
                return await self._sender.redrawn(ref, message)
        return None

    async def _tell(
        self,
        card: CardRef,
        lines: Sequence[Line],
        find: Callable[[int], Awaitable[int | None]],
        draw: Callable[[tuple[Line, ...]], Awaitable[Message]],
    ) -> None:
        """Tells in the thread what is still untold, as many lines in a message as it holds."""

        async def post(part: tuple[Line, ...]) -> int:
            await self._sender.post(card.channel, await draw(part), thread=card.ts)
            return part[-1].seq

        while part := self._untold(lines):
            through = await self._progress.once(partial(find, part[0].seq), partial(post, part))
            self._progress.done(through=through)

    def _untold(self, lines: Sequence[Line]) -> tuple[Line, ...]:
        told = self._progress.posted.through
        return tuple(line for line in lines if line.seq > told)[:AT_ONCE]

    async def _told(
        self, card: CardRef, event_type: str, named: tuple[str, str], first: int
    ) -> int | None:
        """Up to which event a try before has told; it may have known of later ones than this."""
        through: int | None = None
        key, id_ = named
        async for found in self._sender.replied(card, event_type, self._progress.since):
            told = found["payload"].get("through")
            if found["payload"].get(key) == id_ and isinstance(told, int) and told >= first:
                through = max(through or 0, told)
        return through


class AppealPublisher(Publisher):
    """One `show_appeal`."""

    def __init__(self, wanted: ShowAppeal, sender: Sender, reader: Reader) -> None:
        super().__init__(sender, PostOnce())
        self._wanted = wanted
        self._appeal = wanted.appeal
        self._reader = reader

    async def run(self) -> CardRef:
        """Shows everything; raises `SlackTrouble` where something has to be tried again."""
        async with self._progress.living(), self._trying():
            found = self._appeal.appealed
            link = await self._sender.link(found.card) if found and found.card else None
            message = appeal_card(self._appeal, self._reader, link)
            card = await self._publish(self._wanted.card, self._appeal.rules.channel, message)
            find = partial(self._told, card, LINES_TYPE, ("appeal", self._appeal.id))
            await self._tell(card, self._wanted.lines, find, self._lines)
            raise_for_names(self._reader)
        return card

    async def _lines(self, part: tuple[AppealRecorded, ...]) -> Message:
        return appeal_lines(part, self._appeal, self._reader)


class StormPublisher(Publisher):
    """One `show_storm`."""

    def __init__(self, wanted: ShowStorm, sender: Sender, reader: Reader) -> None:
        super().__init__(sender, PostOnce())
        self._wanted = wanted
        self._reader = reader

    async def run(self) -> CardRef:
        """Shows everything; raises `SlackTrouble` where something has to be tried again."""
        async with self._progress.living(), self._trying():
            channel, message = self._wanted.picture.channel, digest(self._wanted, self._reader)
            card = await self._publish(self._wanted.digest, channel, message)
            if self._wanted.mentions and self._progress.posted.through == 0:
                await self._call(card)
        return card

    async def _call(self, card: CardRef) -> None:
        message = calls(self._wanted, self._reader)

        async def post() -> bool:
            await self._sender.post(card.channel, message, thread=card.ts)
            return True

        await self._progress.once(partial(self._find_call, card, message), post)
        self._progress.done(through=1)

    async def _find_call(self, card: CardRef, message: Message) -> bool | None:
        """Whether a try before has called already; None where it has not."""
        named = message.metadata
        async for found in self._sender.replied(card, named["event_type"], self._progress.since):
            if found["payload"] == named["event_payload"]:
                return True
        return None


class CasePublisher(Publisher):
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
        storms: StormService,
        progress: PostOnce,
    ) -> None:
        super().__init__(sender, progress)
        self._wanted = wanted
        self._renew = renew
        self._reader_of = reader_of
        self._channel_of = channel_of
        self._storms = storms

    async def run(self) -> Shown:
        """Shows everything; raises `SlackTrouble` where something has to be tried again.

        Raises:
            CalledOff: before anything was begun.
        """
        try:
            async with self._trying():
                known = self._progress.posted.card or self._wanted.card
                await self._sender.reserve(known, self._wanted.view.channel)
                self._wanted = await self._renew(self._wanted)
                self._view = self._wanted.view
                self._reader = await self._reader_of(self._wanted)
                shown = await self._show()
                raise_for_names(self._reader)
                return shown
        finally:
            self._sender.give_back()

    async def _show(self) -> Shown:
        message = case_card(self._view, self._reader)
        card = await self._publish(self._wanted.card, self._view.channel, message)
        find = partial(self._told, card, EVENT_TYPE, ("case", self._view.id))
        await self._tell(card, self._wanted.lines, find, self._lines)
        approval = await self._approval(card)
        through = self._progress.posted.through or None
        return Shown(card=card, approval_card=approval, version=self._view.version, through=through)

    async def _lines(self, part: tuple[ev.Recorded, ...]) -> Message:
        quiet = await handed_over(self._storms, self._view, part)
        return lines_message(part, self._view, self._reader, quiet)

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
            ended = ended or each.event.ends_request
            if ended and isinstance(each.event, ev.ApprovalRequested):
                return True
        return False

    def _changed(self, approval: Approval) -> bool:
        """A request changes with what its thread tells of it, and not with every new alert."""
        if self._progress.posted.through > max(
            (line.seq for line in self._wanted.lines), default=0
        ):
            return True  # a try before told more, and may have failed before it drew the request
        return any(approval.purpose in line.event.on_requests for line in self._wanted.lines)

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
            partial(self._find, channel, standing, message),
            partial(self._sender.post, channel, message),
        )
        self._progress.done(approval=ref)
        return ref

    async def _request(self, approval: Approval, card: CardRef) -> Message:
        decision = self._view.decision
        assert decision is not None, "an approval without a decision"
        link = await self._sender.link(card)
        return approval_card(self._view, approval, decision, self._reader, link)


Draw = Callable[[Chart], bytes]
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
"""Slack takes no picture here, now or later: the report stands without one."""
NOT_READY = frozenset({"invalid_blocks", "invalid_attachments"})
PAUSES = (0.5, 2.0, 4.0)
"""Seconds before each try to draw the picture into the report."""


class ReportPublisher(Publisher):
    """One `post_report`: the report and its picture, each once.

    The text comes first: it is what people need, and no picture may hold it up. The picture is
    shared into the report's thread, so that everybody of the channel may see it, and is then drawn
    into the report. Slack looks at a file for some seconds before a block may show it
    (https://github.com/slackapi/node-slack-sdk/issues/1865); where it takes longer, the picture
    stands in the thread alone.
    """

    def __init__(self, report: Report, sender: Sender, files: Files, reader: Reader) -> None:
        super().__init__(sender, PostOnce())
        self._report = report
        self._files = files
        self._reader = reader

    async def run(self, draw: Draw) -> CardRef:
        """Posts everything; raises `SlackTrouble` where something has to be tried again."""
        async with self._progress.living(), self._trying():
            card = self._progress.posted.card or await self._post()
            await self._illustrate(card, draw)
        return card

    async def _post(self) -> CardRef:
        message = report_message(self._report, self._reader, await self._files.base())
        return await self._publish(None, self._report.channel, message)

    async def _illustrate(self, card: CardRef, draw: Draw) -> None:
        chart = picture_of(self._report, self._reader)
        try:
            file = await self._shared(card, chart, draw)
        except SlackTrouble as error:
            if error.code not in NO_PICTURES:
                raise
            _log.warning("report_without_picture", report=self._report.key, code=error.code)
            return
        if not await self._shows(card, _image(file, chart)):
            _log.warning("picture_in_thread_only", report=self._report.key)

    async def _shared(self, card: CardRef, chart: Chart, draw: Draw) -> str:
        """The picture's file: one that a try before has shared, else a new one."""
        name = f"koban-{hashlib.sha256(self._report.key.encode()).hexdigest()[:16]}.png"
        file = await self._files.shared(name, card)
        if file is not None:
            return file
        content = await asyncio.to_thread(draw, chart)
        picture = Picture(name=name, title=chart.title, alt=chart.alt, content=content)
        return await self._files.share(picture, card)

    async def _shows(self, card: CardRef, image: Block) -> bool:
        """Whether the report shows its picture, once Slack has looked at the file."""
        base = await self._files.base()
        message = report_message(self._report, self._reader, base, image)
        for pause in PAUSES:
            await asyncio.sleep(pause)
            try:
                return await self._sender.update(card, message)
            except SlackTrouble as error:
                if error.code not in NOT_READY:
                    raise
        return False


def _image(file: str, chart: Chart) -> Block:
    return {"type": "image", "slack_file": {"id": file}, "alt_text": chart.alt}
