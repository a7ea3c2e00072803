"""What the showing of evidence asks of Slack: images go up as files of the app alone."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from activities.slack.troubles import FAILURES, SlackTrouble, trouble

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
