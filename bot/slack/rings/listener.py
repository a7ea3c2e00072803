"""The presses that are about rings."""

from collections.abc import Callable
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.handles import Handle
from bot.services.bulk import RingDesk
from bot.services.slack import Services
from bot.slack.background import Background
from bot.slack.languages import Languages
from bot.slack.press import Press
from bot.slack.replies import Replies
from bot.slack.rings.deciding import RingDeciding
from bot.slack.rings.listing import RingListing, is_of_list
from bot.slack.rings.screen import Screen

OPENS = "case.ring"


class RingListener:
    """Its modal `deciding`, and the list of subjects."""

    def __init__(
        self,
        services: Services,
        rings: RingDesk,
        languages: Languages,
        replies: Replies,
        client: AsyncWebClient,
        after: Background,
        now: Callable[[], datetime],
    ) -> None:
        screen = Screen(services, languages, replies, client)
        self.deciding = RingDeciding(services, rings, languages, screen, after, now)
        self._listing = RingListing(services, rings, languages, screen, now)

    def hears(self, press: Press) -> bool:
        """Whether a press opens one of its modals."""
        return press.name == OPENS or is_of_list(press.name)

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal of a press, or turns its page."""
        if press.name == OPENS:
            await self.deciding.open(press, aim)
        else:
            await self._listing.show(press, aim)
