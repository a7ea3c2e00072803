"""The listener of everything about evidence: its list, its pages, and what is hidden."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from activities.ledger.evidence import EvidenceRecord
from activities.slack.handles import Handle
from bot.services.slack import Services
from bot.slack.background import Background
from bot.slack.evidence.listing import EvidenceListing
from bot.slack.evidence.revealing import EvidenceRevealing
from bot.slack.evidence.screen import PushScreen
from bot.slack.evidence.state import decode
from bot.slack.evidence.views import BEFORE, NEXT, REVEAL
from bot.slack.languages import Languages
from bot.slack.press import Press, Unreadable, read_press
from bot.slack.replies import Replies
from bot.slack.rings.screen import Screen
from bot.slack.telling import NotTaken

ACTIONS = re.compile(r"evidence\..+")
OPENS = "case.evidence"

_log = structlog.get_logger(__name__)


class EvidenceListener:
    """Hears the card's entry through `Clicks`, and the buttons of its own modals."""

    def __init__(
        self,
        services: Services,
        evidence: EvidenceRecord,
        languages: Languages,
        replies: Replies,
        client: AsyncWebClient,
        after: Background,
        now: Callable[[], datetime],
    ) -> None:
        screen = Screen(services, languages, replies, client)
        self._listing = EvidenceListing(services, evidence, languages, screen, now)
        self._revealing = EvidenceRevealing(
            services, languages, PushScreen(client), screen, after, now
        )
        self._after = after

    def hears(self, press: Press) -> bool:
        """Whether a press on a card opens the list."""
        return press.name == OPENS

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the list of a case."""
        await self._listing.open(press, aim)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press within a modal: turns the page, or has a piece shown."""
        try:
            await self._take(ack, read_press(body), body.get("view") or {})
        except Unreadable as error:
            # A modal that can't be read names no channel either: Slack itself has to say so.
            _log.warning("evidence_press_unreadable", error=str(error))
            raise NotTaken("unreadable") from error

    async def _take(self, ack: AsyncAck, press: Press, view: dict[str, Any]) -> None:
        if press.name.startswith(REVEAL):
            await self._revealing.pressed(ack, press, view)
        elif press.name in (BEFORE, NEXT):
            state = decode(str(view.get("private_metadata") or ""))
            await ack()
            self._after.start(self._listing.turn(press, state))
        else:
            raise Unreadable("no button of evidence")
