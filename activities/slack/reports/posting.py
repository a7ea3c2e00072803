"""Posts a report and its picture, each once.

The text comes first: it is what people need, and no picture may hold it up. The picture is shared
into the report's thread, so that everybody of the channel may see it, and is then drawn into the
report. Slack looks at a file for some seconds before a block may show it
(https://github.com/slackapi/node-slack-sdk/issues/1865); where it takes longer, the picture stands
in the thread alone.
"""

import asyncio
import hashlib
from collections.abc import Callable

import structlog

from activities.slack.drawing import Block
from activities.slack.progress import Progress
from activities.slack.reader import Reader
from activities.slack.reports.files import Files, Picture
from activities.slack.reports.message import EVENT_TYPE, report_message
from activities.slack.reports.picture import picture_of
from activities.slack.sender import Sender
from activities.slack.troubles import SlackTrouble
from workflows.domain.memory import CardRef
from workflows.domain.numbers.chart import Chart
from workflows.domain.numbers.report import Report

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

_log = structlog.get_logger(__name__)


class Posting:
    """One `post_report`. Made within the activity."""

    def __init__(self, report: Report, sender: Sender, files: Files, reader: Reader) -> None:
        self._report = report
        self._sender = sender
        self._files = files
        self._reader = reader
        self._progress = Progress()

    async def run(self, draw: Draw) -> CardRef:
        """Posts everything; raises `SlackTrouble` where something has to be tried again."""
        async with self._progress.living():
            try:
                card = await self._post()
                await self._illustrate(card, draw)
            except SlackTrouble:
                self._progress.hand_on()
                raise
        return card

    async def _post(self) -> CardRef:
        known = self._progress.posted.card
        if known is not None:
            return known
        message = report_message(self._report, self._reader, await self._files.base())
        card = await self._progress.once(
            self._find, lambda: self._sender.post(self._report.channel, message)
        )
        self._progress.done(card=card)
        return card

    async def _find(self) -> CardRef | None:
        since, channel = self._progress.since, self._report.channel
        async for found in self._sender.posted(channel, EVENT_TYPE, since):
            if found["payload"] == {"report": self._report.key}:
                return CardRef(channel=found["channel"], ts=found["ts"])
        return None

    # -- the picture ----------------------------------------------------------------------

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
