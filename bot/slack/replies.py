"""Answers that only one person sees."""

import asyncio
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.press import Source
from workflows.domain.model import Value

SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Said(Value):
    """A message: `text` is a whole sentence for screen readers and notifications."""

    text: str
    blocks: tuple[dict[str, Any], ...] = ()


class Replies:
    """Answers by response_url, else by an ephemeral message; over the client's one session."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def privately(self, source: Source, said: Said, in_place: bool = False) -> bool:
        """Tells the person; False, and a line in the log, where Slack took neither way.

        `in_place`: instead of the private message that was pressed.
        """
        told = await self._by_url(source, said, in_place) or await self._by_message(source, said)
        if not told:
            _log.error("person_not_told", person=source.person, text=said.text)
        return told

    async def directly(self, person: str, said: Said) -> bool:
        """A direct message; False, and a line in the log, where Slack did not take it."""
        try:
            async with asyncio.timeout(SECONDS):
                await self._client.chat_postMessage(
                    channel=person,
                    text=said.text,
                    blocks=list(said.blocks) or None,
                    unfurl_links=False,
                    unfurl_media=False,
                )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("direct_message_failed", person=person, error=str(error))
            return False
        return True

    async def _by_url(self, source: Source, said: Said, in_place: bool) -> bool:
        if source.response_url is None:
            return False
        hook = AsyncWebhookClient(source.response_url, session=self._client.session)
        try:
            async with asyncio.timeout(SECONDS):
                answer = await hook.send_dict(_ephemeral(source, said, in_place))
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("response_url_failed", error=str(error))
            return False
        if answer.status_code != 200:
            _log.warning("response_url_refused", status=answer.status_code, body=answer.body)
        return answer.status_code == 200

    async def _by_message(self, source: Source, said: Said) -> bool:
        if source.place is None:
            return False
        try:
            async with asyncio.timeout(SECONDS):
                await self._client.chat_postEphemeral(
                    channel=source.place.channel,
                    user=source.person,
                    thread_ts=source.place.thread,
                    text=said.text,
                    blocks=list(said.blocks) or None,
                )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("ephemeral_failed", error=str(error))
            return False
        return True


def _ephemeral(source: Source, said: Said, in_place: bool) -> dict[str, Any]:
    """What a response_url takes; without `replace_original: false` it would eat the card."""
    thread = source.place.thread if source.place else None
    return {
        "response_type": "ephemeral",
        "replace_original": in_place,
        "text": said.text,
        "unfurl_links": False,
        "unfurl_media": False,
        **({"blocks": list(said.blocks)} if said.blocks else {}),
        **({"thread_ts": thread} if thread else {}),
    }
