"""Listener bases of buttons, commands and modals, and their collaborators."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from activities.errors import Unavailable
from activities.ledger.queries import Look
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.refusals import limit_alert, refused_by_limit
from bot.services.slack import Services
from bot.slack.interactions import Press, Source, Unreadable, read_press, read_source
from bot.slack.modals.form import sentence_view
from bot.slack.modals.metadata import Metadata
from bot.slack.permissions import refusal
from bot.slack.replies import Languages, Links, Replies, Said
from bot.tasks import Background
from workflows.client import OutOfReach
from workflows.domain.case.automation import Booking
from workflows.domain.case.commands import Click, PersonCommand, Place
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full, Power, use_of

ERROR_LANGUAGE = 0.4
"""Seconds of `Timeouts.error` for the person's language."""

# A repeated call after a lost answer: the first one opened the modal.
_OPEN_ALREADY = "exchanged_trigger_id"

_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SlackContext:
    """Services, Slack's client and ways to answer; `on_stored` follows each stored command."""

    services: Services
    client: AsyncWebClient
    background: Background
    languages: Languages
    replies: Replies
    links: Links
    now: Callable[[], datetime] = utc_now
    on_stored: Callable[[], None] = lambda: None


def make_context(
    services: Services,
    client: AsyncWebClient,
    background: Background,
    now: Callable[[], datetime] = utc_now,
) -> SlackContext:
    """Builds the context of a process; `background` has to be drained before `client` closes."""
    languages, links = Languages(services, background), Links(client, services.timeouts.workspace)
    return SlackContext(services, client, background, languages, Replies(client), links, now)


class Screen:
    """Modals of a person are opened, pushed and redrawn; answers are ephemeral."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._client = context.client

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

    async def fill(
        self,
        press: Press,
        name: str,
        loading: str,
        texts: Catalog,
        draw: Callable[[], Awaitable[View | str]],
    ) -> None:
        """Shows the modal `name` with a placeholder, then with what `draw` returns."""
        view_id = await self.begin(press, sentence_view(name, texts.say(loading), texts))
        if view_id is not None:
            await self.show(view_id, name, await draw(), texts)

    async def show(self, view_id: str, name: str, drawn: View | str, texts: Catalog) -> None:
        """Replaces a modal by `drawn`, or by a sentence that says why there is none."""
        view = sentence_view(name, drawn, texts) if isinstance(drawn, str) else drawn
        await self.redraw(view_id, view)

    async def push(self, trigger_id: str, view: dict[str, Any]) -> bool:
        """Whether a modal opened above another: Slack allows two (docs.slack.dev, modals)."""
        call = self._client.views_push(trigger_id=trigger_id, view=view)
        return await _done(call, "modal_not_pushed")

    async def redraw(self, id_: str, view: View | dict[str, Any], name: str = "view_id") -> bool:
        """Replaces a modal by its view_id or its `external_id`; False if it is closed."""
        call = self._client.views_update(view=view, **{name: id_})
        return await _done(call, "modal_not_redrawn")

    async def answer(self, source: Source, key: str, **values: str) -> None:
        """Answers a person next to their press, with a sentence of the catalog."""
        texts = self._context.services.texts(await self._context.languages.of(source.person))
        await self.say(source, texts.say(key, **values))

    async def say(self, source: Source, text: str) -> None:
        """Answers a person next to their press."""
        await self._context.replies.privately(source, Said(text=text))


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


class Listener:
    """Base of everything that answers a person in Slack."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._services = context.services
        self._after = context.background
        self._languages = context.languages
        self._replies = context.replies
        self._links = context.links
        self._now = context.now
        self._screen = Screen(context)

    async def _texts(self, person: str, within: float | None = None) -> Catalog:
        """The catalog of a person's language, after at most `within` seconds."""
        return self._services.texts(await self._languages.of(person, within))

    async def _record(
        self,
        person: str,
        kind: str,
        id_: str,
        why: str,
        *,
        case: str | None = None,
        revealed: bool = False,
    ) -> None:
        """Records a look-up, for the purpose `case`, before the answer. Raises `Unavailable`."""
        about = id_ if kind == "case" else case
        look = Look(self._now(), person, kind, id_, why, case_id=about, revealed=revealed)
        await self._services.ledger.looked_up(look)

    async def _over_limit(self, power: Power, person: str, key: str, texts: Catalog) -> str | None:
        """Books one use of a power; the sentence that refuses it. Raises `Unavailable`."""
        now = self._now()
        use = use_of(self._services.policies.limits(), power, key, person)
        if use is None:
            return None
        full = (await self._services.limits.book(Booking(uses=(use,), at=now))).full
        if full is None:
            return None
        _log.warning("limit_reached", power=power.value, person=person)
        if full.alert:
            self._after.start(self._alert_leads(full))
        return refused_by_limit(full, Reader(texts, self._services.zone), now)

    async def _alert_leads(self, limit: Full) -> None:
        """Alerts the leads in their channel, else each of them, to a reached limit."""
        people, services = self._services.people, self._services
        reader = Reader(
            services.texts(services.language), services.zone, await people.names([limit.holder])
        )
        said = Said(text=limit_alert(limit, reader))
        channel = people.channel(Role.LEAD)
        if channel is not None and await self._replies.in_channel(channel, said):
            return
        try:
            leads = await people.members(Role.LEAD)
        except Unavailable as error:
            _log.warning("leads_not_alerted", error=str(error))
            return
        for lead in leads:
            await self._replies.directly(lead, said)

    async def _refused(self, person: str, allowed: Iterable[Role], texts: Catalog) -> str | None:
        """The sentence for somebody without one of these roles; None for everybody else."""
        within = self._services.timeouts.roles
        return await refusal(self._services.people, person, allowed, texts, within)

    async def _store(
        self, id_: str, aim: Handle | Metadata, command: PersonCommand, place: Place
    ) -> bool:
        """Whether the case has the command durably; False if it is out of reach."""
        click = Click(id=id_, case=aim.case, command=command, place=place, received_at=self._now())
        try:
            async with asyncio.timeout(self._services.timeouts.store):
                await self._services.cases.click(aim.workflow_id, click)
        except (OutOfReach, TimeoutError):
            return False
        self._context.on_stored()
        return True


class DirectTexts(Listener):
    """Sentences for one person, in their language."""

    def later(self, source: Source, key: str, **values: str) -> asyncio.Task[bool]:
        """Sends it in the background."""
        return self._after.start(self._tell(source, key, values))

    async def in_time(self, source: Source, key: str, **values: str) -> bool:
        """Whether it was sent within `Timeouts.error`; a slower one continues in the background."""
        try:
            async with asyncio.timeout(self._services.timeouts.error):
                return await asyncio.shield(self.later(source, key, **values))
        except TimeoutError:
            return False

    async def _tell(self, source: Source, key: str, values: dict[str, str]) -> bool:
        texts = await self._texts(source.person, ERROR_LANGUAGE)
        return await self._replies.privately(source, Said(text=texts.say(key, **values)))


class ButtonListener(DirectTexts, ABC):
    """The listener of some buttons."""

    unreadable: tuple[str, str] = ("press_unreadable", "bot.press.unreadable")
    """Entry in the log and sentence about a press whose values are not Koban's."""

    async def pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a press, or notifies its person."""
        try:
            await self._take(ack, read_press(body))
        except Unreadable as error:
            logged, key = self.unreadable
            _log.warning(logged, error=str(error))
            await ack()
            self.later(read_source(body), key)

    @abstractmethod
    async def _take(self, ack: AsyncAck, press: Press) -> None:
        """Acknowledges a press and acts on it. Raises `Unreadable` before either."""
