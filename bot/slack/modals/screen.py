"""Screen: modals that are opened, pushed and redrawn, and private answers."""

from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.slack import Services
from bot.slack.interactions import Press, Source
from bot.slack.replies import Languages, Replies, Said

# A repeated call after a lost answer: the first one opened the modal.
_OPEN_ALREADY = "exchanged_trigger_id"

_log = structlog.get_logger(__name__)


class Screen:
    """Modals and private answers."""

    def __init__(
        self, services: Services, languages: Languages, replies: Replies, client: AsyncWebClient
    ) -> None:
        self._services = services
        self._languages = languages
        self._replies = replies
        self._client = client

    async def open(self, source: Source, view: View | dict[str, Any]) -> str | None:
        """Opens a modal and returns its id; where Slack does not, its person hears of it."""
        try:
            answer = await self._client.views_open(trigger_id=source.trigger_id, view=view)
        except SlackApiError as error:
            code = error.response.get("error")
            if code == _OPEN_ALREADY:
                return None
            _log.warning("modal_not_opened", error=code)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_opened", error=str(error))
        else:
            return str(answer["view"]["id"])
        await self.tell(source, "bot.modal.not_opened")
        return None

    async def begin(self, press: Press, view: View | dict[str, Any]) -> str | None:
        """Draws `view` where the press was made, if that is a modal, else opens it; its id."""
        if press.view:
            await self.redraw(press.view, view)
            return press.view
        return await self.open(press.source, view)

    async def push(self, trigger_id: str, view: dict[str, Any]) -> bool:
        """Whether a modal stands open above another: Slack allows two (docs.slack.dev, modals)."""
        try:
            await self._client.views_push(trigger_id=trigger_id, view=view)
        except SlackApiError as error:
            _log.warning("modal_not_pushed", error=error.response.get("error"))
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_pushed", error=str(error))
        else:
            return True
        return False

    async def redraw(self, view_id: str, view: View | dict[str, Any]) -> bool:
        """Draws a modal anew; whether it is still open."""
        return await self._update(view, view_id=view_id)

    async def redraw_pushed(self, external_id: str, view: dict[str, Any]) -> bool:
        """The same for a modal whose id Slack has not told."""
        return await self._update(view, external_id=external_id)

    async def _update(self, view: View | dict[str, Any], **which: str) -> bool:
        try:
            await self._client.views_update(view=view, **which)
        except SlackApiError as error:
            _log.info("modal_not_redrawn", error=error.response.get("error"))
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_redrawn", error=str(error))
        else:
            return True
        return False

    async def tell(self, source: Source, key: str, **values: str) -> None:
        """Answers a person where they pressed."""
        language = await self._languages.of(source.person)
        await self.say(source, self._services.texts(language).say(key, **values))

    async def say(self, source: Source, text: str) -> None:
        """The same, with words that were put together already."""
        await self._replies.privately(source, Said(text=text))
