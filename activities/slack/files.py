"""Files of Koban's: uploaded, shared below a message, and found again.

https://docs.slack.dev/messaging/working-with-files
"""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.client import FAILURES, SlackTrouble, trouble
from workflows.domain.case.snapshot import CardRef
from workflows.domain.values import Value


class Picture(Value):
    """A PNG. `name` finds it again; `alt` says what it shows."""

    name: str
    title: str
    alt: str
    content: bytes


class Files:
    """Everything raises `SlackTrouble` where Slack does not do it."""

    def __init__(self, client: AsyncWebClient, expected: frozenset[str] = frozenset()) -> None:
        """`expected` are Slack's words for what the caller deals with: they are not logged."""
        self._client = client
        self._expected = expected
        self._base: str | None = None

    async def base(self) -> str | None:
        """The workspace's address, with a slash at its end; None where Slack does not tell."""
        if self._base is None:
            try:
                self._base = str((await self._client.auth_test()).get("url") or "") or None
            except FAILURES:
                return None
        return self._base

    async def share(self, picture: Picture, below: CardRef) -> str:
        """Uploads it into the thread of a message; the file's id.

        Whoever reads the channel may then see it: one that is shared nowhere is its owner's alone
        (https://github.com/slackapi/python-slack-sdk/issues/1658).
        """
        url, file = await self._begin(picture)
        await self._send(url, picture.content)
        done = self._client.files_completeUploadExternal(
            files=[{"id": file, "title": picture.title}],
            channel_id=below.channel,
            thread_ts=below.ts,
        )
        try:
            await done
        except FAILURES as error:
            raise self._trouble("files.completeUploadExternal", error) from None
        return file

    async def shared(self, name: str, below: CardRef) -> str | None:
        """The id of such a file in the thread of a message, or None."""
        asked = self._client.conversations_replies(channel=below.channel, ts=below.ts, limit=200)
        try:
            answer = await asked
        except FAILURES as error:
            raise self._trouble("conversations.replies", error) from None
        for message in answer["messages"]:
            for file in message.get("files") or ():
                if file.get("name") == name:
                    return str(file["id"])
        return None

    async def _begin(self, picture: Picture) -> tuple[str, str]:
        asked = self._client.files_getUploadURLExternal(
            filename=picture.name, length=len(picture.content), alt_txt=picture.alt
        )
        try:
            answer = await asked
        except FAILURES as error:
            raise self._trouble("files.getUploadURLExternal", error) from None
        return str(answer["upload_url"]), str(answer["file_id"])

    async def _send(self, url: str, content: bytes) -> None:
        session = self._client.session
        assert session is not None, "the client carries one session"
        try:
            async with session.post(url, data=content) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise SlackTrouble("upload_unreachable", unsure=False) from None
        if status != 200:
            raise SlackTrouble(f"upload_http_{status}", unsure=False)

    def _trouble(self, method: str, error: Exception) -> SlackTrouble:
        return trouble(method, error, self._expected)
