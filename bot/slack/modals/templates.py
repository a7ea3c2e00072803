"""Choosing one of policy's reasons in the modal `decide`: it fills in what would be typed."""

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.handles import Handle
from bot.services.slack import Services
from bot.slack.background import Background
from bot.slack.modals.metadata import decode
from bot.slack.modals.opening import CaseOver, Opening
from bot.slack.modals.template_view import with_template
from bot.slack.press import Unreadable
from bot.slack.rings.screen import Screen

_log = structlog.get_logger(__name__)


class Templates:
    """The listener of the choice."""

    def __init__(
        self, services: Services, opening: Opening, screen: Screen, after: Background
    ) -> None:
        self._services = services
        self._opening = opening
        self._screen = screen
        self._after = after

    async def chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the choice; the modal is drawn anew beside the request."""
        await ack()
        self._after.start(self._fill(body["view"]))

    async def _fill(self, view: dict[str, Any]) -> None:
        try:
            metadata = decode(str(view.get("private_metadata", "")))
            aim = Handle(case=metadata.case, version=metadata.version, route=metadata.route)
            offer = await self._opening.offer(aim)
        except (Unreadable, CaseOver) as error:
            # Whoever submits it will hear why; what was typed stays where it is.
            _log.warning("template_not_filled", error=str(error))
            return
        filled = with_template(view, offer, self._services.texts(metadata.language))
        await self._screen.redraw(str(view["id"]), filled)
