"""Slack client: calls that write, calls that look up what was written before, and their errors."""

import copy
import re
from collections.abc import AsyncIterator, Coroutine, Mapping
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

from activities.slack.blocks import Block, Message
from activities.slack.rate_limiter import RateLimiter, Slot
from workflows.domain.case.commands import Place
from workflows.domain.case.snapshot import CardRef

# Every one is retryable: a person may invite the app, mend a token, or Slack may come back, and
# nothing that should be on the screen may be lost. Messages hold Slack's code and nothing else,
# since they are kept in workflow histories.

LONG = timedelta(seconds=60)
"""Until the next try where somebody has to mend something first."""

UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError)
"""No answer came: the call may have been carried out or not."""
FAILURES = (SlackClientError, *UNANSWERED)
"""Everything that a call of the Slack client raises where Slack is at fault."""

LIMITED = "ratelimited"
"""The code of a 429, whatever Slack calls it."""
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# https://docs.slack.dev/reference/methods/chat.postMessage#errors: of the last two, "it's
# possible some aspect of the operation succeeded before the error was raised".
_SOON = frozenset({"service_unavailable", "request_timeout", "thread_not_found"})
_UNSURE = frozenset({"internal_error", "fatal_error"})

_log = structlog.get_logger(__name__)


class SlackTrouble(ApplicationError):
    """A call that failed. `code` is Slack's word; `unsure`: it may have been carried out."""

    def __init__(self, code: str, unsure: bool, delay: timedelta | None = None) -> None:
        """`delay`: until the next try; None leaves it to the retry policy."""
        super().__init__(f"Slack: {code}", type=f"slack_{code}", next_retry_delay=delay)
        self.code = code
        self.unsure = unsure
        self.delay = delay or timedelta()


def trouble(method: str, error: Exception, expected: frozenset[str] = frozenset()) -> SlackTrouble:
    """The trouble behind an error of the Slack client.

    What a person has to mend is logged, unless it is `expected` and dealt with.
    """
    if not isinstance(error, SlackApiError):
        return SlackTrouble("unreachable", unsure=True)
    status, headers, body = _read(error)
    code = str(body.get("error") or f"http_{status}")
    if status == 429 or code in _LIMITED:
        return SlackTrouble(LIMITED, unsure=False, delay=_wait(headers))
    if code in _UNSURE or code.startswith("http_"):
        return SlackTrouble(code, unsure=True)
    if code in _SOON:
        return SlackTrouble(code, unsure=False)
    if code in expected:
        return SlackTrouble(code, unsure=False)
    faults = (body.get("response_metadata") or {}).get("messages")
    _log.error("slack_refused", method=method, code=code, faults=faults)
    return SlackTrouble(code, unsure=False, delay=LONG)


def _read(error: SlackApiError) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Status, headers and body of the answer; the body of a proxy's error page is no mapping."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    body = getattr(response, "data", None)
    headers = getattr(response, "headers", None) or {}
    return int(status), headers, body if isinstance(body, dict) else {}


def _wait(headers: Mapping[str, str]) -> timedelta:
    """Retry-After in whole seconds; https://docs.slack.dev/apis/web-api/rate-limits."""
    asked = headers.get("Retry-After", "")
    return timedelta(seconds=int(asked) if asked.isdecimal() else 30)


SECONDS = 10
"""For one call. Slack answers within one; Temporal tries again after that."""


@asynccontextmanager
async def slack_client(token: str, api_url: str) -> AsyncIterator[AsyncWebClient]:
    """A client over one session. It never retries or waits by itself: Temporal does."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = AsyncWebClient(
            token=token, base_url=api_url, session=session, timeout=SECONDS, retry_handlers=[]
        )
        if urlsplit(api_url).hostname in ("127.0.0.1", "localhost", "::1"):
            client.proxy = None  # a proxy of the machine does not know a stand-in on it
        yield client


_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
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
_NO_READER = frozenset({"channel_not_found", "user_not_found", "user_disabled", "cannot_dm_bot"})
"""Nobody reads there: waiting does not change that."""
_ID = re.compile(r"[CDG][A-Z0-9]{5,}")
_PAGE = 200
_POST = "chat.postMessage"

Found = dict[str, Any]


class Sender:
    """Everything raises `SlackTrouble` where Slack does not do it.

    Every call waits for its turn; what was called off before it began raises `CalledOff`.
    """

    def __init__(self, client: AsyncWebClient, pacer: RateLimiter) -> None:
        """The client has no retry handlers: Temporal retries, and knows what was done before."""
        self._client = client
        self._pacer = pacer
        self._turn = Slot()
        self._ids: dict[str, str] = {}
        self._links: dict[CardRef, str] = {}

    def in_turn(self, turn: Slot) -> Self:
        """The same for one activity, which waits in its own place."""
        one = copy.copy(self)
        one._turn = turn
        return one

    async def reserve(self, card: CardRef | None, channel: str) -> None:
        """Waits until a card may be drawn anew, or posted where there is none yet."""
        if card is not None:
            await self._pacer.reserve(self._turn, "chat.update")
        else:
            await self._pacer.reserve(self._turn, _POST, channel)

    def give_back(self) -> None:
        """What was reserved and not used is free for others."""
        self._pacer.give_back(self._turn)

    async def post(self, channel: str, message: Message, thread: str | None = None) -> CardRef:
        """Posts to a channel by id or name; the answer's id is the one to keep."""
        call = self._client.chat_postMessage(
            channel=_address(channel),
            thread_ts=thread,
            text=message.text,
            blocks=message.blocks,
            metadata=message.metadata or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        answer = await self._done(_POST, call, channel=channel)
        self._pacer.same(channel.removeprefix("#"), answer["channel"])
        return CardRef(channel=answer["channel"], ts=answer["ts"])

    async def update(self, ref: CardRef, message: Message) -> bool:
        """Draws a message anew; False where it is gone, or not Koban's to change any more."""
        call = self._client.chat_update(
            channel=ref.channel,
            ts=ref.ts,
            text=message.text,
            blocks=message.blocks,
            metadata=message.metadata or None,
        )
        try:
            await self._done("chat.update", call, silent=_GONE)
        except SlackTrouble as error:
            if error.code in _GONE:
                return False
            raise
        return True

    async def redrawn(self, found: CardRef, message: Message) -> CardRef | None:
        """A message that an earlier try posted, drawn anew: it may show what was so then.

        None where it is gone.
        """
        return found if await self.update(found, message) else None

    async def post_ephemeral(
        self, person: str, place: Place, text: str, blocks: list[Block] | None = None
    ) -> None:
        """Tells one person where they pressed, or in their DM where they can't be told there."""
        call = self._client.chat_postEphemeral(
            channel=place.channel,
            user=person,
            thread_ts=place.thread,
            text=text,
            blocks=blocks or None,
        )
        try:
            await self._done("chat.postEphemeral", call, silent=_NOT_THERE)
        except SlackTrouble as error:
            if error.code not in _NOT_THERE:
                raise
            await self._direct(person, text, blocks)

    async def direct(self, person: str, message: Message) -> bool:
        """Posts to a person's own conversation with Koban; False where nobody reads it."""
        call = self._client.chat_postMessage(
            channel=person,
            text=message.text,
            blocks=message.blocks,
            metadata=message.metadata or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        try:
            await self._done(_POST, call, _NO_READER, person)
        except SlackTrouble as error:
            if error.code not in _NO_READER:
                raise
            return False
        return True

    async def directed(self, person: str, event_type: str, since: float) -> AsyncIterator[Found]:
        """The metadata of such messages in a person's own conversation, newest first."""
        call = self._client.api_call("conversations.open", params={"users": person})
        try:
            answer = await self._done("conversations.open", call, silent=_NO_READER)
        except SlackTrouble as error:
            if error.code not in _NO_READER:
                raise
            return
        async for found in self.posted(answer["channel"]["id"], event_type, since):
            yield found

    async def _direct(self, person: str, text: str, blocks: list[Block] | None) -> None:
        # A user's id stands for their DM with the app: docs.slack.dev, chat.postMessage.
        call = self._client.chat_postMessage(
            channel=person,
            text=text,
            blocks=blocks or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        await self._done(_POST, call, channel=person)

    async def link(self, ref: CardRef) -> str | None:
        """A message's permalink; None where it is gone."""
        if ref not in self._links:
            call = self._client.chat_getPermalink(channel=ref.channel, message_ts=ref.ts)
            try:
                answer = await self._done("chat.getPermalink", call, silent=_GONE)
            except SlackTrouble as error:
                if error.code in _GONE:
                    return None
                raise
            if len(self._links) >= 1_000:
                self._links.clear()
            self._links[ref] = answer["permalink"]
        return self._links[ref]

    async def posted(self, channel: str, event_type: str, since: float) -> AsyncIterator[Found]:
        """The metadata of such messages in a channel, newest first: `{ts, channel, payload}`."""
        place = await self._id_of(channel)
        async for page in self._pages("conversations.history", channel=place, oldest=_ts(since)):
            for found in _with_metadata(page, event_type):
                yield {**found, "channel": place}

    async def replied(self, card: CardRef, event_type: str, since: float) -> AsyncIterator[Found]:
        """The same for the thread of a card, oldest first."""
        asked = {"channel": card.channel, "ts": card.ts, "oldest": _ts(since)}
        async for page in self._pages("conversations.replies", **asked):
            for found in _with_metadata(page, event_type):
                yield {**found, "channel": card.channel}

    async def _pages(self, method: str, **asked: Any) -> AsyncIterator[AsyncSlackResponse]:
        cursor: str | None = None
        while cursor != "":
            params = {**asked, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
            if method != "conversations.list":
                params["include_all_metadata"] = True
            call = self._client.api_call(method, http_verb="GET", params=params)
            answer = await self._done(method, call)
            yield answer
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""

    async def _done(
        self,
        method: str,
        call: Coroutine[Any, Any, AsyncSlackResponse],
        silent: frozenset[str] = frozenset(),
        channel: str = "",
    ) -> AsyncSlackResponse:
        try:
            await self._pacer.take(self._turn, method, channel)
        except BaseException:
            call.close()
            raise
        try:
            return await call
        except FAILURES as error:
            # The client's error repeats what was sent; it stays out of workflow histories.
            failed = trouble(method, error, silent)
            if failed.code == LIMITED:
                self._pacer.refused(method, channel, failed.delay.total_seconds())
            raise failed from None

    async def _id_of(self, channel: str) -> str:
        """A channel's id. Only posting takes names, so that only looking back asks for it."""
        if _ID.fullmatch(channel):
            return channel
        if channel not in self._ids:
            kinds = "public_channel,private_channel"
            async for page in self._pages("conversations.list", types=kinds, exclude_archived=True):
                self._ids |= {each["name"]: each["id"] for each in page["channels"]}
        return self._ids.get(channel, channel)


def _address(channel: str) -> str:
    return channel if _ID.fullmatch(channel) else f"#{channel.removeprefix('#')}"


def _ts(since: float) -> str:
    return f"{max(since, 0):.6f}"


def _with_metadata(page: AsyncSlackResponse, event_type: str) -> list[Found]:
    found = []
    for message in page["messages"]:
        metadata = message.get("metadata") or {}
        if metadata.get("event_type") == event_type:
            found.append({"ts": message["ts"], "payload": metadata.get("event_payload") or {}})
    return found
