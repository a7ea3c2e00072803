"""Replies to one person: permalinks, messages, storing clicks, languages."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from activities.errors import Unavailable
from bot.services.slack import Services
from bot.slack.interactions import Source
from bot.tasks import Background
from bot.timeouts import PRODUCTION
from workflows.client import OutOfReach
from workflows.domain.case.snapshot import CardRef
from workflows.domain.values import Language, Value

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Links:
    """Permalinks as chat.getPermalink writes them; the workspace's address is read once."""

    def __init__(self, client: AsyncWebClient, timeout: float = PRODUCTION.workspace) -> None:
        self._client = client
        self._timeout = timeout
        self._workspace: str | None = None

    async def base(self) -> str | None:
        """The workspace's address, with a slash at its end; None if Slack does not answer."""
        if self._workspace is None:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._client.auth_test()
            except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
                _log.warning("workspace_address_unknown", error=str(error))
                return None
            self._workspace = str(answer.get("url") or "") or None
        return self._workspace


def link(base: str | None, card: CardRef | None) -> str | None:
    """The address of `card` in the workspace at `base`."""
    if base is None or card is None:
        return None
    return f"{base}archives/{card.channel}/p{card.ts.replace('.', '')}"


SECONDS = 10.0


class Said(Value):
    """A message; `text` is for screen readers and notifications."""

    text: str
    blocks: tuple[dict[str, Any], ...] = ()


class Replies:
    """Answers by response_url, else by an ephemeral message."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._requests: dict[str, list[tuple[str, CardRef]]] = {}

    async def privately(self, source: Source, said: Said, in_place: bool = False) -> bool:
        """Sends an ephemeral message, `in_place` of the press's; False, and a log, if refused."""
        sent = await self._by_url(source, said, in_place) or await self._by_message(source, said)
        if not sent:
            _log.error("person_not_notified", person=source.person, text=said.text)
        return sent

    async def directly(self, person: str, said: Said, request: str | None = None) -> bool:
        """Sends a direct message; False, and an entry in the log, if Slack refuses.

        One with a `request` has buttons, which `settle` removes.
        """

        async def post() -> None:
            sent = await self._post(person, said)
            if request is not None:
                self.keep(request, person, CardRef(channel=sent["channel"], ts=sent["ts"]))

        return await _sent(post(), "direct_message_failed", person=person)

    def keep(self, request: str, person: str, message: CardRef) -> None:
        """Counts a message to `person` among those of a request, whichever process sent it."""
        kept = self._requests.setdefault(request, [])
        if (person, message) not in kept:
            kept.append((person, message))

    async def settle(self, request: str, ended: Callable[[str], Awaitable[Said]]) -> None:
        """Replaces the known messages of a request by what `ended` says."""
        for person, message in self._requests.pop(request, []):
            await self.replace(message, await ended(person))

    async def replace(self, message: CardRef, said: Said) -> bool:
        """Replaces a message; False, and an entry in the log, if Slack refuses."""
        change = self._client.chat_update(
            channel=message.channel, ts=message.ts, text=said.text, blocks=list(said.blocks)
        )
        return await _sent(change, "request_not_settled", channel=message.channel)

    async def in_channel(self, channel: str, said: Said) -> bool:
        """Posts in a channel; False, and an entry in the log, if Slack refuses."""
        return await _sent(self._post(channel, said), "channel_message_failed", channel=channel)

    def _post(self, channel: str, said: Said) -> Awaitable[Any]:
        return self._client.chat_postMessage(
            channel=channel,
            text=said.text,
            blocks=list(said.blocks) or None,
            unfurl_links=False,
            unfurl_media=False,
        )

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
        call = self._client.chat_postEphemeral(
            channel=source.place.channel,
            user=source.person,
            thread_ts=source.place.thread,
            text=said.text,
            blocks=list(said.blocks) or None,
        )
        return await _sent(call, "ephemeral_failed")


async def _sent(call: Awaitable[Any], failure: str, **about: str) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            await call
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
        _log.warning(failure, error=str(error), **about)
        return False
    return True


def _ephemeral(source: Source, said: Said, in_place: bool) -> dict[str, Any]:
    """The body for a response_url; without `replace_original: false` it would replace the card."""
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


async def in_time(
    asking: Awaitable[T], seconds: float | None, failure: str, **about: str
) -> T | None:
    """The answer; None, and an entry in the log, without one in time."""
    try:
        async with asyncio.timeout(seconds):
            return await asking
    except (Unavailable, OutOfReach, TimeoutError) as error:
        _log.warning(failure, error=str(error), **about)
        return None


class NotTaken(Exception):
    """A press without effect whose person could not be notified: Slack has to show the error."""


PATIENCE = 0.4
"""Seconds for a language; a modal has to open within 3 s of its press."""
MOST = 2_000


class Languages:
    """Languages of people: the last known one, or the deployment's, while reading is slow."""

    def __init__(self, services: Services, background: Background, most: int = MOST) -> None:
        """Keeps the languages of the `most` latest people."""
        self._services = services
        self._background = background
        self._most = most
        self._last: OrderedDict[str, Language] = OrderedDict()

    async def of(self, person: str, within: float | None = None) -> Language:
        """The language of `person`, after at most `within` seconds."""
        if within is None:
            within = PATIENCE if person in self._last else self._services.timeouts.language
        # Shielded, so that a slow answer counts for the next time.
        asking = self._background.start(self._ask(person))
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(asking)
        except TimeoutError:
            return self._known(person)

    async def _ask(self, person: str) -> Language:
        try:
            language = await self._services.people.language(person)
        except Unavailable as error:
            _log.warning("language_unknown", person=person, error=str(error))
            return self._known(person)
        self._keep(person, language)
        return language

    def _known(self, person: str) -> Language:
        return self._last.get(person, self._services.language)

    def _keep(self, person: str, language: Language) -> None:
        self._last[person] = language
        self._last.move_to_end(person)
        while len(self._last) > self._most:
            self._last.popitem(last=False)
