"""Evidence viewer: the modal of one hidden piece, and the upload of its image."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

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
from activities.slack.client import SlackTrouble, answer_of
from activities.slack.escape import mrkdwn, one_line, pieces
from activities.slack.files import GONE, Begun, Files
from activities.slack.handles import PieceHandle, encode_piece
from activities.slack.reader import Reader
from workflows.domain.alerts import AlertEvidence
from workflows.domain.case.commands import Modal

READY = 6.0
"""Seconds until a new file can be shown; Slack processes it asynchronously:
github.com/slackapi/node-slack-sdk/issues/1865 recommends files.info."""
_POLL_SECONDS = 0.3
OPENING = 3.0
"""Seconds until the modal is open: the bot opens it concurrently."""
_CLOSED = frozenset({"not_found", "view_not_found"})
_NO_IMAGE = frozenset({"invalid_arguments", "invalid_blocks"})


class FileGone(Exception):
    """Slack does not have an uploaded file any more, or does not show it."""


class FileRefused(Exception):
    """Slack takes no file, or is not done with it in time; `code` is its error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class EvidenceScreen:
    """Modal of one piece of evidence. Every method raises `SlackTrouble` where Slack fails."""

    def __init__(
        self, client: AsyncWebClient, opening: float = OPENING, ready: float = READY
    ) -> None:
        """`opening` and `ready` are timeouts in seconds. Temporal retries, not the client."""
        self._client = client
        self._files = Files(client)
        self._opening = opening
        self._ready = ready

    async def upload(
        self, name: str, content: bytes, attempt: int, begun: Begun | None = None
    ) -> str:
        """Uploads an image without a channel; the id, once Slack can show it.

        Raises:
            FileRefused: another upload would change nothing; this one is deleted.
        """
        try:
            file = await self._files.upload(name, content, title=name, begun=begun)
        except SlackTrouble as error:
            if not error.is_refusal(attempt):
                raise
            raise FileRefused(error.code) from None
        try:
            await self._until_ready(file)
        except SlackTrouble as error:
            await self.delete(file)
            raise FileRefused(error.code) from None
        return file

    async def delete(self, file: str) -> None:
        """Deletes an upload that is not shown."""
        await self._files.delete(file)

    async def remove(self, file: str, attempt: int) -> str | None:
        """Deletes an upload whose time is over; the error code where Slack refuses for good."""
        try:
            await self._files.remove(file)
        except SlackTrouble as error:
            if not error.is_refusal(attempt):
                raise
            return error.code
        return None

    async def draw(self, view: dict[str, Any]) -> bool:
        """Updates the modal by external_id; False where it is closed. Raises `FileGone`."""
        deadline = time.monotonic() + self._opening
        while not await self._drawn(view):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def _drawn(self, view: dict[str, Any]) -> bool:
        shows = any(block["type"] == "image" for block in view["blocks"])
        expected = _CLOSED | (_NO_IMAGE if shows else frozenset())
        call = self._client.views_update(external_id=view["external_id"], view=view)
        try:
            await answer_of("views.update", call, expected)
        except SlackTrouble as error:
            if error.code in _CLOSED:
                return False
            if shows and error.code in _NO_IMAGE:
                raise FileGone(error.code) from None
            raise
        return True

    async def _until_ready(self, file: str) -> None:
        """Raises `SlackTrouble`, also after a timeout."""
        deadline = time.monotonic() + self._ready
        while True:
            answer = await answer_of("files.info", self._client.files_info(file=file), GONE)
            if str(answer["file"].get("mimetype") or "").startswith("image/"):
                return
            if time.monotonic() > deadline:
                raise SlackTrouble("file_not_ready", unsure=False)
            await asyncio.sleep(_POLL_SECONDS)


# The modal is pushed on the list of evidence; closing it hides the piece again.

CALLBACK = "evidence_piece"
AGAIN = "evidence.reveal.again"
PART = 2_800
"""UTF-16 units of one quote; a section holds 3,000 (docs.slack.dev, section block)."""
MOST_PARTS = 10
"""Quotes in a modal: a view holds 250 KB, and JSON needs up to 6 bytes for a unit."""
_TITLE = 150
_DETECTOR = 64

View = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """Views of the modal for one reader."""

    reader: Reader
    modal: Modal

    def loading(self) -> View:
        """The first view."""
        return self._view([section([self.reader.say("bot.modal.loading")])])

    def words(self, alert: AlertEvidence, text: str) -> View:
        """Sensitive text, as much as a modal holds."""
        parts = pieces(text, PART)
        quotes = [quote_whole(part) for part in parts[:MOST_PARTS]]
        shown = quotes or [section([self.reader.say("evidence.empty")])]
        if len(parts) > MOST_PARTS:
            shown.append(section([self.reader.say("evidence.truncated", count=len(text))]))
        return self._view([about(alert, self.reader), *shown, self._recorded()])

    def image(self, alert: AlertEvidence, file: str) -> View:
        """An uploaded image."""
        alt = self.reader.say("evidence.image.alt", about=_spoken(alert, self.reader))
        return self._view([about(alert, self.reader), picture(file, alt), self._recorded()])

    def refused(self, sentence: str) -> View:
        """A refusal; `sentence` is escaped."""
        return self._view([section([sentence])])

    def failed(self, why: str, piece: PieceHandle | None) -> View:
        """A failed image; with a `piece` the view has a retry button."""
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
        facts.append(reader.score(alert.score))
    return section([fit([*facts, *more], " · ", 2_900)])


def _spoken(alert: AlertEvidence, reader: Reader) -> str:
    """The alert's title for screen readers, as plain text."""
    title = alert.title.in_(reader.texts.language) if alert.title else alert.kind
    return one_line(" ".join(pieces(title, _TITLE)[:1]))
