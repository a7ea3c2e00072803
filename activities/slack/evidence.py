"""Evidence viewer: the modal of one hidden piece, and the upload of its image."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from activities.slack.blocks import (
    Block,
    actions,
    button,
    context,
    fit,
    picture,
    quote_whole,
    section,
)
from activities.slack.client import FAILURES, SlackTrouble, trouble
from activities.slack.escape import mrkdwn, one_line, pieces
from activities.slack.handles import PieceHandle, encode_piece
from activities.slack.reader import Reader
from workflows.domain.alerts import AlertEvidence
from workflows.domain.case.commands import Modal

READY = 6.0
"""Seconds that Slack may take until a new file can be shown; it is done asynchronously:
github.com/slackapi/node-slack-sdk/issues/1865 advises to ask files.info."""
_ASK_AGAIN = 0.3
OPENING = 3.0
"""Seconds until the modal has to be there: it is opened beside the press that waits for it."""
_CLOSED = frozenset({"not_found", "view_not_found"})
_NO_FILE = frozenset({"file_not_found", "file_deleted", "files_not_found"})
_NO_IMAGE = frozenset({"invalid_arguments", "invalid_blocks"})


class FileGone(Exception):
    """Slack has a file no more that was uploaded before."""


class EvidenceScreen:
    """Everything raises `SlackTrouble` where Slack does not do it."""

    def __init__(
        self, client: AsyncWebClient, opening: float = OPENING, ready: float = READY
    ) -> None:
        """The client has no retry handlers: Temporal retries. The rest is patience, in seconds."""
        self._client = client
        self._opening = opening
        self._ready = ready

    async def upload(self, name: str, content: bytes) -> str:
        """Uploads an image that no channel has: the id, once Slack can show it."""
        start = await self._done(
            "files.getUploadURLExternal",
            self._client.files_getUploadURLExternal(filename=name, length=len(content)),
        )
        await self._send(start["upload_url"], content)
        file: dict[str, str | None] = {"id": start["file_id"], "title": name}
        await self._done(
            "files.completeUploadExternal", self._client.files_completeUploadExternal(files=[file])
        )
        await self._until_ready(start["file_id"])
        return str(start["file_id"])

    async def draw(self, view: dict[str, Any]) -> bool:
        """Draws the modal with the view's external_id; False where nobody has it open.

        Raises:
            FileGone: where the image that it shows is not there any more.
        """
        deadline = time.monotonic() + self._opening
        while not await self._drawn(view):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_ASK_AGAIN)
        return True

    async def _drawn(self, view: dict[str, Any]) -> bool:
        shows = any(block["type"] == "image" for block in view["blocks"])
        silent = _CLOSED | (_NO_IMAGE if shows else frozenset())
        call = self._client.views_update(external_id=view["external_id"], view=view)
        try:
            await self._done("views.update", call, silent)
        except SlackTrouble as error:
            if error.code in _CLOSED:
                return False
            if shows and error.code in _NO_IMAGE:
                raise FileGone(error.code) from None
            raise
        return True

    async def _send(self, url: str, content: bytes) -> None:
        session = self._client.session
        assert session is not None
        try:
            async with session.post(url, data=content, proxy=self._client.proxy) as answer:
                status = answer.status
        except FAILURES as error:
            raise trouble("upload", error) from None
        if status != 200:
            raise SlackTrouble(f"upload_{status}", unsure=False)

    async def _until_ready(self, file: str) -> None:
        """Raises `SlackTrouble` where it takes too long: the next try finds another file."""
        deadline = time.monotonic() + self._ready
        while True:
            answer = await self._done("files.info", self._client.files_info(file=file), _NO_FILE)
            if str(answer["file"].get("mimetype") or "").startswith("image/"):
                return
            if time.monotonic() > deadline:
                raise SlackTrouble("file_not_ready", unsure=False)
            await asyncio.sleep(_ASK_AGAIN)

    async def _done(
        self,
        method: str,
        call: Awaitable[AsyncSlackResponse],
        silent: frozenset[str] = frozenset(),
    ) -> AsyncSlackResponse:
        try:
            return await call
        except FAILURES as error:
            # The client's error repeats what was sent; it stays out of workflow histories.
            raise trouble(method, error, silent) from None


# It lies above the list that it was asked for from; closing it hides the piece again.

CALLBACK = "evidence_piece"
AGAIN = "evidence.reveal.again"
PART = 2_800
"""UTF-16 units of one quote: a section takes 3,000 (docs.slack.dev, section block)."""
MOST_PARTS = 10
"""Of one text in one modal: Slack takes 250 KB of a view, and a unit up to 6 bytes in JSON."""
_TITLE = 150
_DETECTOR = 64

View = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """The modal that is drawn: for whom, and what it carries."""

    reader: Reader
    modal: Modal

    def loading(self) -> View:
        """What opens at once."""
        return self._view([section([self.reader.say("bot.modal.loading")])])

    def words(self, alert: AlertEvidence, text: str) -> View:
        """Sensitive words, whole as far as a modal can hold them."""
        parts = pieces(text, PART)
        shown = [quote_whole(part) for part in parts[:MOST_PARTS]]
        if not shown:
            shown = [section([self.reader.say("evidence.empty")])]
        if len(parts) > MOST_PARTS:
            shown.append(section([self.reader.say("evidence.cut", count=len(text))]))
        return self._view([about(alert, self.reader), *shown, self._recorded()])

    def image(self, alert: AlertEvidence, file: str) -> View:
        """An image that lies at Slack."""
        alt = self.reader.say("evidence.image.alt", about=_spoken(alert, self.reader))
        return self._view([about(alert, self.reader), picture(file, alt), self._recorded()])

    def refused(self, sentence: str) -> View:
        """Why it is not shown; `sentence` is safe already."""
        return self._view([section([sentence])])

    def failed(self, why: str, piece: PieceHandle | None) -> View:
        """What could not be fetched; with a `piece`, a button tries again."""
        sentence = self.reader.say(f"evidence.failed.{why}")
        if piece is None:
            return self._view([section([sentence])])
        again = button(AGAIN, self.reader.say("evidence.again"), encode_piece(piece), "primary")
        return self._view([section([sentence]), *actions(AGAIN, [again])])

    def _recorded(self) -> Block:
        return context([self.reader.say("evidence.recorded")])

    def _view(self, blocks: list[Block]) -> View:
        return {
            "type": "modal",
            "callback_id": CALLBACK,
            "external_id": self.modal.id,
            **({"private_metadata": self.modal.carries} if self.modal.carries else {}),
            "title": {"type": "plain_text", "text": self.reader.say("evidence.piece.title")},
            "close": {"type": "plain_text", "text": self.reader.say("evidence.back")},
            "blocks": blocks,
        }


def about(alert: AlertEvidence, reader: Reader, *more: str) -> Block:
    """`*LINEへの誘導* · 12:03:10 · live-chat · スコア 0.98`."""
    title = reader.title(alert.title, mrkdwn, _TITLE) if alert.title else mrkdwn(alert.kind, _TITLE)
    facts = [f"*{title}*", reader.clock(alert.occurred_at), mrkdwn(alert.detector, _DETECTOR)]
    if alert.score is not None:
        facts.append(reader.say("card.score", score=reader.texts.number(alert.score, "0.00")))
    return section([fit([*facts, *more], " · ", 2_900)])


def _spoken(alert: AlertEvidence, reader: Reader) -> str:
    """Whose image it is, for screen readers: as plain text, without what it shows."""
    title = alert.title.in_(reader.texts.language) if alert.title else alert.kind
    return one_line(" ".join(pieces(title, _TITLE)[:1]))
