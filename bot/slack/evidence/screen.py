"""The modal above the list: pushed by the press that wants it, drawn by its external_id."""

from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

_log = structlog.get_logger(__name__)


class PushScreen:
    """Slack allows two modals above the first (docs.slack.dev, modals)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def push(self, trigger_id: str, view: dict[str, Any]) -> bool:
        """Whether the modal stands open."""
        try:
            await self._client.views_push(trigger_id=trigger_id, view=view)
        except SlackApiError as error:
            _log.warning("modal_not_pushed", error=error.response.get("error"))
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_pushed", error=str(error))
        else:
            return True
        return False

    async def redraw(self, external_id: str, view: dict[str, Any]) -> bool:
        """Whether it shows `view` now."""
        try:
            await self._client.views_update(external_id=external_id, view=view)
        except SlackApiError as error:
            _log.info("modal_not_redrawn", error=error.response.get("error"))
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_redrawn", error=str(error))
        else:
            return True
        return False
