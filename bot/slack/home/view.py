"""App Home: the queue, the shift and today's numbers, read once for all open homes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from datetime import time as time_of_day
from typing import Any, Generic, TypeVar

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from activities.slack import report_message as words
from activities.slack.blocks import context
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine, Which, chosen, waiting_for
from bot.services.team import OnCall
from bot.slack.commands import team
from bot.slack.commands.automation import pause_blocks
from bot.slack.commands.base import no_role
from bot.slack.commands.detectors import gap_blocks
from bot.slack.commands.dispatch import help_page
from bot.slack.home.refresh import HomePublisher, HomeRefresh
from bot.slack.listener import Listener, SlackContext
from bot.slack.rendering import Block, case_rows, moment, section
from bot.slack.replies import Said
from workflows.domain.metrics.metrics import Numbers
from workflows.domain.people import Role
from workflows.domain.values import Language

V = TypeVar("V")

QUEUE_LASTS = 0.5
"""Seconds; less than the first refresh after a press (`refresh.SETTLED`)."""
NUMBERS_LAST = 5.0


class _Shared(Generic[V]):
    """A cached reading: concurrent callers share one call."""

    def __init__(self, read: Callable[[], Awaitable[V]], lasts: float) -> None:
        self._read = read
        self._lasts = lasts
        self._lock = asyncio.Lock()
        self._kept: tuple[float, V] | None = None

    async def get(self) -> V:
        """The reading; errors pass through."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] >= self._lasts:
                begun = time.monotonic()
                self._kept = (begun, await self._read())
            return self._kept[1]


MOST_LINES = 10
"""Cases of each list; a home holds 100 blocks (docs.slack.dev, views)."""
LANGUAGE = "home.language"
LIKE_SLACK = "slack"
_DIVIDER: Block = {"type": "divider"}


def cases(
    key: str, lines: Sequence[CaseLine], texts: Catalog, base: str | None, now: datetime
) -> list[Block]:
    """A list of cases with their number."""
    rows = case_rows(lines, MOST_LINES, texts, base, now)
    nothing = [section(texts.say("bot.home.nothing"))]
    head = texts.say("bot.home.count", what=texts.say(key), count=len(lines))
    return [_header(head), *(rows or nothing), _DIVIDER]


def shift(on_call: OnCall, texts: Catalog) -> list[Block]:
    """The current shift."""
    rows = "\n".join(team.now(on_call, texts))
    return [_header(texts.say("bot.oncall.now")), section(rows), _DIVIDER]


def today(numbers: Numbers, texts: Catalog) -> list[Block]:
    """The numbers since midnight; none of them changes without an event."""
    since = texts.say("bot.home.today.since", at=moment(numbers.since))
    rows = [
        since,
        words.flow(numbers, texts),
        words.now(numbers, texts),
        words.decisions(numbers, texts),
        *words.in_time(numbers, texts),
        *words.speed(numbers, texts),
        words.protections(numbers, texts),
        *words.automatic(numbers, texts),
    ]
    return [_header(texts.say("bot.home.today")), section("\n".join(rows)), _DIVIDER]


def language(chosen: Language | None, texts: Catalog) -> list[Block]:
    """The menu for a person's language."""
    value = chosen.value if chosen is not None else LIKE_SLACK
    offered = {each: _option(each, texts) for each in (*Language, LIKE_SLACK)}
    select = {
        "type": "static_select",
        "action_id": LANGUAGE,
        "options": list(offered.values()),
        "initial_option": offered[value],
    }
    # Slack keeps the picked option in a block of the same id, even if storing it failed.
    shown = {**section(f"*{texts.say('bot.home.language')}*"), "block_id": f"{LANGUAGE}.{value}"}
    hint = context([texts.say("bot.home.language.hint")])
    return [{**shown, "accessory": select}, hint, _DIVIDER]


def _option(value: str, texts: Catalog) -> dict[str, Any]:
    label = texts.say(f"bot.home.language.{value}")
    return {"text": {"type": "plain_text", "text": label}, "value": str(value)}


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


_log = structlog.get_logger(__name__)


class Home(Listener):
    """The listener of `app_home_opened` and of the language menu."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._queue = _Shared(context.services.ledger.queue, QUEUE_LASTS)
        self._on_call = _Shared(self._ask_on_call, QUEUE_LASTS)
        self._today = _Shared(self._ask_today, NUMBERS_LAST)
        self._publisher = HomePublisher(context.client)
        self._refresh = HomeRefresh(self._publisher, self._draw, context.background)

    def changed(self) -> None:
        """Refreshes the open homes once a stored command was carried out."""
        self._refresh.changed()

    async def opened(self, event: dict[str, Any]) -> None:
        """Draws the home tab; Bolt has acknowledged the event already."""
        if event.get("tab") == "home":
            person = str(event["user"])
            self._publisher.seen(person, (event.get("view") or {}).get("hash"))
            self._refresh.opened(person)

    async def language_chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stores a chosen language, and draws the home in it."""
        person = str(body["user"]["id"])
        picked = str((body["actions"][0].get("selected_option") or {}).get("value") or "")
        language = Language(picked) if picked in set(Language) else None
        stored = await self._stored(person, language)
        await ack()
        if not stored:
            self._after.start(self._not_stored(person))
        self._refresh.opened(person)

    async def _stored(self, person: str, language: Language | None) -> bool:
        try:
            async with asyncio.timeout(self._services.timeouts.store):
                await self._services.team.choose_language(person, language, self._now())
        except (Unavailable, TimeoutError) as error:
            _log.warning("language_not_stored", person=person, error=str(error))
            return False
        return True

    async def _not_stored(self, person: str) -> None:
        texts = await self._texts(person, self._services.timeouts.language_after_ack)
        await self._replies.directly(person, Said(text=texts.say("bot.home.language.not_stored")))

    # -- drawing --------------------------------------------------------------------------

    async def _draw(self, person: str) -> list[Block]:
        texts = await self._texts(person, self._services.timeouts.language_after_ack)
        try:
            return await self._blocks(person, texts)
        except Unavailable as error:
            _log.warning("home_unavailable", person=person, error=str(error))
        except Exception:  # noqa: BLE001 -- nobody should see an outdated list
            _log.exception("home_failed", person=person)
        return [section(texts.say("bot.home.unavailable"))]

    async def _blocks(self, person: str, texts: Catalog) -> list[Block]:
        roles = await self._services.people.roles(person)
        chosen_language = await self._services.team.language(person)
        rest = [
            *language(chosen_language, texts),
            *help_page(texts, self._services.policies.look_ups().lookups).blocks,
        ]
        if not roles:
            return [*(await no_role(self._services.people, texts)).blocks, *rest]
        now = self._now()
        above = await pause_blocks(self._services, now, texts)
        above += await gap_blocks(self._services, now, texts)
        shown = [*await self._cases(person, roles, texts), *await self._team(texts)]
        return [*above, *shown, *rest]

    async def _cases(self, person: str, roles: frozenset[Role], texts: Catalog) -> list[Block]:
        now = self._now()
        covers = await self._services.covers.of(person, now)
        lines, base = await self._queue.get(), await self._links.base()
        shown = {
            "bot.home.approvals": waiting_for(lines, person, roles, covers),
            "bot.home.mine": chosen(lines, Which.MINE, person, now),
            "words.overdue": chosen(lines, Which.OVERDUE, person, now),
        }
        listed = [cases(key, found, texts, base, now) for key, found in shown.items()]
        return [block for blocks in listed for block in blocks]

    async def _team(self, texts: Catalog) -> list[Block]:
        return [*shift(await self._on_call.get(), texts), *today(await self._today.get(), texts)]

    async def _ask_on_call(self) -> OnCall:
        return await self._services.team.on_call(self._now())

    async def _ask_today(self) -> Numbers:
        """The numbers since midnight in the deployment's time zone."""
        now, zone = self._now(), self._services.zone
        midnight = datetime.combine(now.astimezone(zone).date(), time_of_day(), zone)
        return await self._services.team.numbers(midnight, now)
