"""Files at Slack: uploads and look-ups (https://docs.slack.dev/messaging/working-with-files)."""

from collections.abc import Awaitable, Callable

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.client import FAILURES, SlackTrouble, answer_of, trouble
from workflows.domain.case.snapshot import CardRef

_log = structlog.get_logger(__name__)

GONE = frozenset({"file_not_found", "file_deleted", "files_not_found"})
Begun = Callable[[str], Awaitable[None]]
"""Is called with the id of an upload before its content is sent."""


class Files:
    """Files of Koban. Every method raises `SlackTrouble` where Slack fails."""

    def __init__(self, client: AsyncWebClient, expected: frozenset[str] = frozenset()) -> None:
        """`expected` error codes are handled by the caller and not logged."""
        self._client = client
        self._expected = expected
        self._base: str | None = None

    async def base(self) -> str | None:
        """The workspace's URL with a trailing slash; None where Slack does not return it."""
        if self._base is None:
            try:
                self._base = str((await self._client.auth_test()).get("url") or "") or None
            except FAILURES:
                return None
        return self._base

    async def upload(
        self,
        name: str,
        content: bytes,
        title: str,
        alt: str | None = None,
        below: CardRef | None = None,
        begun: Begun | None = None,
    ) -> str:
        """Uploads an image, into the thread of `below` where given; the id of the file.

        Everybody in the channel may see a shared file; without a channel only its owner may
        (https://github.com/slackapi/python-slack-sdk/issues/1658).
        """
        begin = self._client.files_getUploadURLExternal(
            filename=name, length=len(content), alt_txt=alt
        )
        start = await answer_of("files.getUploadURLExternal", begin, self._expected)
        if begun is not None:
            await begun(str(start["file_id"]))
        await self._send(start["upload_url"], content)
        file: dict[str, str | None] = {"id": start["file_id"], "title": title}
        complete = self._client.files_completeUploadExternal(
            files=[file],
            channel_id=below.channel if below else None,
            thread_ts=below.ts if below else None,
        )
        await answer_of("files.completeUploadExternal", complete, self._expected)
        return str(start["file_id"])

    async def delete(self, file: str) -> None:
        """Deletes a file; one that Slack keeps is only logged, because nobody waits for it."""
        try:
            await self.remove(file)
        except SlackTrouble as error:
            _log.warning("file_not_deleted", code=error.code)

    async def remove(self, file: str) -> None:
        """Deletes a file, or finds it deleted. Raises `SlackTrouble`."""
        call = self._client.files_delete(file=file)
        try:
            await answer_of("files.delete", call, GONE | {"cant_delete_file"})
        except SlackTrouble as error:
            if error.code not in GONE:
                raise

    async def shared(self, name: str, below: CardRef) -> str | None:
        """The id of the file with this name in the thread of a message, or None."""
        call = self._client.conversations_replies(channel=below.channel, ts=below.ts, limit=200)
        answer = await answer_of("conversations.replies", call, self._expected)
        for message in answer["messages"]:
            for file in message.get("files") or ():
                if file.get("name") == name:
                    return str(file["id"])
        return None

    async def _send(self, url: str, content: bytes) -> None:
        session = self._client.session
        assert session is not None, "the client carries one session"
        try:
            async with session.post(url, data=content, proxy=self._client.proxy) as answer:
                status = answer.status
        except FAILURES as error:
            raise trouble("upload", error) from None
        if status != 200:
            raise SlackTrouble(f"upload_{status}", unsure=False)
