"""Screen of one person: modals are opened, pushed and redrawn; answers are ephemeral."""

from collections.abc import Awaitable
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
    """Modals and ephemeral answers."""

    def __init__(
        self, services: Services, languages: Languages, replies: Replies, client: AsyncWebClient
    ) -> None:
        self._services = services
        self._languages = languages
        self._replies = replies
        self._client = client

    async def open(self, source: Source, view: View | dict[str, Any]) -> str | None:
        """Opens a modal and returns its id; None, and an ephemeral message, if Slack refuses."""
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
        await self.answer(source, "bot.modal.not_opened")
        return None

    async def begin(self, press: Press, view: View | dict[str, Any]) -> str | None:
        """Shows `view` in the modal of the press, or opens a new one; returns its id."""
        if press.view:
            await self.redraw(press.view, view)
            return press.view
        return await self.open(press.source, view)

    async def push(self, trigger_id: str, view: dict[str, Any]) -> bool:
        """Whether a modal opened above another: Slack allows two (docs.slack.dev, modals)."""
        call = self._client.views_push(trigger_id=trigger_id, view=view)
        return await _done(call, "modal_not_pushed")

    async def redraw(self, view_id: str, view: View | dict[str, Any]) -> bool:
        """Replaces a modal; False if it is closed."""
        call = self._client.views_update(view_id=view_id, view=view)
        return await _done(call, "modal_not_redrawn")

    async def redraw_pushed(self, external_id: str, view: dict[str, Any]) -> bool:
        """Replaces a modal by its external_id."""
        call = self._client.views_update(external_id=external_id, view=view)
        return await _done(call, "modal_not_redrawn")

    async def answer(self, source: Source, key: str, **values: str) -> None:
        """Answers a person next to their press, with a sentence of the catalog."""
        language = await self._languages.of(source.person)
        await self.say(source, self._services.texts(language).say(key, **values))

    async def say(self, source: Source, text: str) -> None:
        """Answers a person next to their press."""
        await self._replies.privately(source, Said(text=text))


async def _done(call: Awaitable[Any], failure: str) -> bool:
    try:
        await call
    except SlackApiError as error:
        _log.info(failure, error=error.response.get("error"))
    except (aiohttp.ClientError, TimeoutError) as error:
        _log.warning(failure, error=str(error))
    else:
        return True
    return False
