"""Links to cards, without a call to Slack for each."""

import asyncio

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from workflows.domain.memory import CardRef

SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Links:
    """Permalinks as chat.getPermalink writes them; the workspace is asked for its address once."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._workspace: str | None = None

    async def to(self, card: CardRef | None) -> str | None:
        """The address of a message, or None where there is none or Slack does not answer."""
        base = await self.base()
        return link(base, card)

    async def base(self) -> str | None:
        """The workspace's address, with a slash at its end."""
        if self._workspace is None:
            self._workspace = await self._ask()
        return self._workspace

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._client.auth_test()
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("workspace_address_unknown", error=str(error))
            return None
        return str(answer.get("url") or "") or None


def link(base: str | None, card: CardRef | None) -> str | None:
    """The address of `card` in the workspace at `base`."""
    if base is None or card is None:
        return None
    return f"{base}archives/{card.channel}/p{card.ts.replace('.', '')}"
