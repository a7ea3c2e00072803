"""Slack Web API client: rate-limited writes, look-ups of earlier writes, and errors."""

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from temporalio.exceptions import ApplicationError

from activities.errors import retry_after
from activities.slack.blocks import Block, Message
from activities.slack.rate_limiter import RateLimiter, Slot
from workflows.domain.case.commands import Place
from workflows.domain.case.snapshot import CardRef

# Every error is retryable: somebody may invite the app or replace a token, or Slack may recover.
# Messages hold only Slack's error code, because workflow histories keep them.

MANUAL_FIX_DELAY = timedelta(seconds=60)
"""Delay of a retry where somebody has to fix the workspace first."""

UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError)
"""No answer: Slack may have executed the call or not."""
FAILURES = (SlackClientError, *UNANSWERED)
"""Everything that a call of the Slack client raises where Slack is at fault."""

LIMITED_PAUSE = timedelta(seconds=30)
"""Wait after a 429 without a Retry-After (https://docs.slack.dev/apis/web-api/rate-limits)."""
LIMITED = "ratelimited"
"""The code for a 429, whatever Slack calls it."""
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# https://docs.slack.dev/reference/methods/chat.postMessage#errors: of the last two, "it's
# possible some aspect of the operation succeeded before the error was raised".
_SOON = frozenset({"service_unavailable", "request_timeout", "thread_not_found"})
_UNSURE = frozenset({"internal_error", "fatal_error"})
MOST_REFUSALS = 3
"""Attempts after which an error that should pass counts as a refusal."""

_log = structlog.get_logger(__name__)


class SlackTrouble(ApplicationError):
    """A failed call: `code` is Slack's error code; `unsure` where Slack may have executed it."""

    def __init__(
        self,
        code: str,
        unsure: bool,
        delay: timedelta | None = None,
        permanent: bool = False,
        answered: bool = False,
    ) -> None:
        """`delay` until the next attempt; None leaves it to the retry policy.

        `permanent`: somebody has to change something first. `answered`: Slack is up and refuses.
        """
        super().__init__(f"Slack: {code}", type=f"slack_{code}", next_retry_delay=delay)
        self.code = code
        self.unsure = unsure
        self.delay = delay or timedelta()
        self.permanent = permanent
        self.answered = answered or permanent

    def is_refusal(self, attempt: int) -> bool:
        """Whether what follows must not wait for this call. `attempt` counts from 1."""
        return self.permanent or (self.answered and attempt >= MOST_REFUSALS)


def trouble(method: str, error: Exception, expected: frozenset[str] = frozenset()) -> SlackTrouble:
    """Converts an error of the Slack client.

    Logs what somebody has to fix, except for `expected` codes.
    """
    if not isinstance(error, SlackApiError):
        return SlackTrouble("unreachable", unsure=True)
    status, headers, body = _read(error)
    code = str(body.get("error") or f"http_{status}")
    if status == 429 or code in _LIMITED:
        return SlackTrouble(
            LIMITED, unsure=False, delay=retry_after(headers.get("Retry-After")) or LIMITED_PAUSE
        )
    if code.startswith("http_"):
        return SlackTrouble(code, unsure=True)
    if code in _UNSURE or code in _SOON:
        return SlackTrouble(code, unsure=code in _UNSURE, answered=True)
    if code in expected:
        return SlackTrouble(code, unsure=False, permanent=True)
    faults = (body.get("response_metadata") or {}).get("messages")
    _log.error("slack_refused", method=method, code=code, faults=faults)
    return SlackTrouble(code, unsure=False, delay=MANUAL_FIX_DELAY, permanent=True)


async def answer_of(
    method: str, call: Awaitable[AsyncSlackResponse], expected: frozenset[str] = frozenset()
) -> AsyncSlackResponse:
    """The answer of a call. Raises `SlackTrouble` as by `trouble`."""
    try:
        return await call
    except FAILURES as error:
        # The client's error repeats what was sent; workflow histories must not hold that.
        raise trouble(method, error, expected) from None


def _read(error: SlackApiError) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Status, headers and body of the answer; the body of a proxy's error page is no mapping."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    body = getattr(response, "data", None)
    headers = getattr(response, "headers", None) or {}
    return int(status), headers, body if isinstance(body, dict) else {}


SECONDS = 10
"""Timeout of one call. Slack answers within one; Temporal retries after that."""


@asynccontextmanager
async def slack_client(
    token: str, api_url: str, seconds: int = SECONDS
) -> AsyncIterator[AsyncWebClient]:
    """Opens a client over one session; without retries and waits of its own: Temporal retries."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = AsyncWebClient(
            token=token, base_url=api_url, session=session, timeout=seconds, retry_handlers=[]
        )
        if urlsplit(api_url).hostname in ("127.0.0.1", "localhost", "::1"):
            client.proxy = None  # the machine's proxy can't reach the sandbox
        yield client


_GONE = frozenset({"message_not_found"})
_UNCHANGEABLE = _GONE | {"cant_update_message", "edit_window_closed", "block_mismatch"}
"""The message is gone or stays as it is: https://docs.slack.dev/reference/methods/chat.update."""
_NOT_THERE = frozenset(
    {
        "user_not_in_channel",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "thread_not_found",
    }
)
_NO_READER = frozenset(
    {
        *("channel_not_found", "user_not_found", "user_disabled", "cannot_dm_bot"),
        *("user_not_visible", "account_inactive", "messages_tab_disabled", "is_archived"),
    }
)
"""The person has no conversation with Koban."""
NO_REPLIES = frozenset(
    {
        *("restricted_action_thread_locked", "restricted_action_non_threadable_channel"),
        *("cannot_reply_to_message", "restricted_action_thread_only_channel"),
    }
)
"""The thread takes no message. The card can be updated."""
_ID = re.compile(r"[CDG][A-Z0-9]{5,}")
_PAGE = 200
_POST = "chat.postMessage"
_MAX_LINKS = 1_000

Call = Coroutine[Any, Any, AsyncSlackResponse]
Found = dict[str, Any]
"""Metadata of a message: `{ts, channel, payload}`."""


class Sender:
    """Calls that Koban makes to Slack. Every method raises `SlackTrouble` where Slack fails.

    Every call waits for the rate limiter; it raises `SlotCancelled` where the activity was
    cancelled before its first call.
    """

    def __init__(self, client: AsyncWebClient, limiter: RateLimiter) -> None:
        """The client has no retry handlers: Temporal retries."""
        self._client = client
        self._limiter = limiter
        self._slot = Slot()
        self._ids: dict[str, str] = {}
        self._links: dict[CardRef, str] = {}

    def with_slot(self, slot: Slot) -> Self:
        """A copy that waits in a slot of its own, for one activity."""
        one = copy.copy(self)
        one._slot = slot
        return one

    async def reserve(self, card: CardRef | None, channel: str) -> None:
        """Waits until a card may be updated, or posted where there is none yet."""
        method = "chat.update" if card is not None else _POST
        await self._limiter.reserve(self._slot, method, "" if card is not None else channel)

    def release(self) -> None:
        """Puts an unused reservation back."""
        self._limiter.release(self._slot)

    async def post(self, channel: str, message: Message, thread: str | None = None) -> CardRef:
        """Posts to a channel by id or name; the id in the answer is the one to keep."""
        address = channel if _ID.fullmatch(channel) else f"#{channel.removeprefix('#')}"
        call = self._posting(address, message, thread)
        answer = await self._call(_POST, call, channel)
        self._limiter.alias(channel.removeprefix("#"), answer["channel"])
        return CardRef(channel=answer["channel"], ts=answer["ts"])

    async def direct(self, person: str, message: Message) -> bool:
        """Posts to a person's conversation with Koban; False where Slack refuses that for good."""
        call = self._posting(person, message)
        try:
            await self._call(_POST, call, person, _NO_READER)
        except SlackTrouble as error:
            if not error.permanent:
                raise
            return False
        return True

    def _posting(self, address: str, message: Message, thread: str | None = None) -> Call:
        return self._client.chat_postMessage(
            channel=address,
            thread_ts=thread,
            text=message.text,
            blocks=message.blocks or None,
            metadata=message.metadata or None,
            unfurl_links=False,
            unfurl_media=False,
        )

    async def update(self, ref: CardRef, message: Message) -> bool:
        """Updates a message; False where it is gone, or Koban may not change it so any more."""
        call = self._client.chat_update(
            channel=ref.channel,
            ts=ref.ts,
            text=message.text,
            blocks=message.blocks,
            metadata=message.metadata or None,
        )
        return await self._try("chat.update", call, _UNCHANGEABLE) is not None

    async def remove(self, ref: CardRef) -> bool:
        """Deletes a message; False where Slack refuses that."""
        call = self._client.chat_delete(channel=ref.channel, ts=ref.ts)
        try:
            await self._call("chat.delete", call, expected=_GONE)
        except SlackTrouble as error:
            if not error.permanent:
                raise
            return error.code in _GONE
        return True

    async def post_ephemeral(
        self, person: str, place: Place, text: str, blocks: list[Block] | None = None
    ) -> None:
        """Posts to one person where they pressed, or in their DM where that is not possible."""
        call = self._client.chat_postEphemeral(
            channel=place.channel,
            user=person,
            thread_ts=place.thread,
            text=text,
            blocks=blocks or None,
        )
        if await self._try("chat.postEphemeral", call, _NOT_THERE) is None:
            # A user's id addresses their DM with the app: docs.slack.dev, chat.postMessage.
            call = self._posting(person, Message(text, blocks or []))
            await self._call(_POST, call, person)

    async def directed(
        self, person: str, event_type: str, since: float, until: float | None = None
    ) -> AsyncIterator[Found]:
        """Finds messages by metadata in a person's conversation with Koban, newest first."""
        call = self._client.api_call("conversations.open", params={"users": person})
        answer = await self._try("conversations.open", call, _NO_READER)
        if answer is None:
            return
        async for found in self.posted(answer["channel"]["id"], event_type, since, until):
            yield found

    async def link(self, ref: CardRef) -> str | None:
        """The permalink of a message; None where Slack gives none: nothing waits for a link."""
        if ref not in self._links:
            call = self._client.chat_getPermalink(channel=ref.channel, message_ts=ref.ts)
            try:
                answer = await self._call("chat.getPermalink", call, expected=_GONE)
            except SlackTrouble as error:
                if not error.answered:
                    raise
                return None
            if len(self._links) >= _MAX_LINKS:
                self._links.clear()
            self._links[ref] = answer["permalink"]
        return self._links[ref]

    async def posted(
        self, channel: str, event_type: str, since: float, until: float | None = None
    ) -> AsyncIterator[Found]:
        """Finds messages by metadata in a channel, newest first, between two Unix times."""
        asked = {"channel": await self._id_of(channel)}
        if until is not None:
            asked["latest"] = f"{until:.6f}"
        async for found in self._found("conversations.history", event_type, since, **asked):
            yield found

    async def replied(self, card: CardRef, event_type: str, since: float) -> AsyncIterator[Found]:
        """Finds messages by metadata in the thread of a card, oldest first."""
        asked = {"channel": card.channel, "ts": card.ts}
        async for found in self._found("conversations.replies", event_type, since, **asked):
            yield found

    async def _found(
        self, method: str, event_type: str, since: float, **asked: str
    ) -> AsyncIterator[Found]:
        asked |= {"oldest": f"{max(since, 0):.6f}"}
        async for page in self._pages(method, include_all_metadata=True, **asked):
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == event_type:
                    payload = metadata.get("event_payload") or {}
                    yield {"ts": message["ts"], "channel": asked["channel"], "payload": payload}

    async def _pages(self, method: str, **asked: Any) -> AsyncIterator[AsyncSlackResponse]:
        cursor: str | None = None
        while cursor != "":
            params = {**asked, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
            call = self._client.api_call(method, http_verb="GET", params=params)
            answer = await self._call(method, call)
            yield answer
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""

    async def _try(
        self, method: str, call: Call, expected: frozenset[str], channel: str = ""
    ) -> AsyncSlackResponse | None:
        """The answer; None where it is one of the `expected` error codes."""
        try:
            return await self._call(method, call, channel, expected)
        except SlackTrouble as error:
            if error.code in expected:
                return None
            raise

    async def _call(
        self,
        method: str,
        call: Call,
        channel: str = "",
        expected: frozenset[str] = frozenset(),
    ) -> AsyncSlackResponse:
        try:
            await self._limiter.take(self._slot, method, channel)
        except BaseException:
            call.close()
            raise
        try:
            return await answer_of(method, call, expected)
        except SlackTrouble as failed:
            if failed.code == LIMITED:
                self._limiter.close(method, channel, failed.delay.total_seconds())
            raise

    async def _id_of(self, channel: str) -> str:
        """The id of a channel. Posting also takes names; only look-ups need the id."""
        if _ID.fullmatch(channel):
            return channel
        if channel not in self._ids:
            kinds = "public_channel,private_channel"
            async for page in self._pages("conversations.list", types=kinds, exclude_archived=True):
                self._ids |= {each["name"]: each["id"] for each in page["channels"]}
        return self._ids.get(channel, channel)
