"""Timeline of a case: a modal that pages through what the thread told."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack import handles
from activities.slack.blocks import actions, button
from activities.slack.escape import Safe, mrkdwn
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.thread import WORDS
from bot.policies import Policies
from bot.services.cases import LookedUp, Timeline, TimelineLine
from bot.services.slack import Services
from bot.slack.context import Listener
from bot.slack.interactions import Press
from bot.slack.modals.form import sentence_view
from bot.slack.permissions import EVERYBODY, UNKNOWN, holds, role_needed
from bot.slack.rendering import Block, moment, person, section, sections
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.evolve import opened
from workflows.domain.case.view import CardView, view_of
from workflows.domain.policy.playbook import Policy


@dataclass(frozen=True)
class PageReader(Reader):
    """Somebody who reads alone: people are named by Slack itself, and nobody is called."""

    direct: bool = True

    def person(self, person: str | None, safe: Safe = mrkdwn) -> str:
        """`@佐藤さん`; in a modal Slack notifies nobody of it."""
        if person is None:
            return self.say("person.koban")
        return self.say("person.named", name=_person(person, self.texts))


def _person(who: str, texts: Catalog) -> str:
    return person(who, texts)


def timeline_view(
    page: Timeline, aim: Handle, size: int, services: Services, texts: Catalog
) -> View:
    """The page, with buttons for the ones beside it."""
    drawn = _card(page.opened, services.policies)
    reader = PageReader(texts=texts, zone=UTC)
    last = page.first + len(page.lines)
    head = texts.say("bot.timeline.range", first=page.first + 1, last=last, total=page.total)
    lines = [_line(each, drawn, reader) for each in page.lines]
    blocks: list[Block] = [
        section(f"*{aim.case}* · {head}"),
        *sections(lines),
        *_turning(page, aim, size, texts),
    ]
    return View(
        type="modal",
        callback_id="timeline",
        title={"type": "plain_text", "text": texts.say("bot.timeline.title")},
        close={"type": "plain_text", "text": texts.say("bot.modal.close")},
        blocks=blocks,
    )


def _card(event: CaseOpened | None, policies: Policies) -> CardView | None:
    """What the words of the lines are taken from: the case as it began, by the policy of now."""
    playbook = policies.playbook(event.playbook) if event is not None else None
    if event is None or playbook is None:
        return None
    catalog = policies.catalog()
    policy = Policy(version="", playbook=playbook, catalog=catalog)
    titles = {name: spec.title for name, spec in catalog.actions.items()}
    return view_of(opened("", policy, event)).model_copy(update={"action_titles": titles})


def _line(told: TimelineLine, view: CardView | None, reader: PageReader) -> str:
    event = told.whole.event if told.whole is not None else None
    if isinstance(event, CaseOpened):
        return reader.say("bot.timeline.opened", time=moment(event.at))
    words = WORDS.get(type(event))
    if words is None or view is None:
        return _bare(told, reader)
    return reader.say(
        "line.told", time=moment(told.line.at), text=words(event, view, reader).strip()
    )


def _bare(told: TimelineLine, reader: PageReader) -> str:
    """What can be said of an event of a newer version, or without its playbook."""
    key = f"bot.event.{told.line.kind}"
    what = reader.say(key if key in reader.texts.keys else "bot.event.other")
    who = f" · {_person(told.line.by, reader.texts)}" if told.line.by else ""
    return f"{moment(told.line.at)} {what}{who}"


def _turning(page: Timeline, aim: Handle, size: int, texts: Catalog) -> list[Block]:
    number, value = page.first // size, handles.encode(aim.case, aim.version)
    shown: list[dict[str, Any]] = []
    if number > 0:
        before = texts.say("bot.page.before")
        shown.append(button(f"timeline.page.{number - 1}", before, value))
    if page.first + len(page.lines) < page.total:
        after = texts.say("bot.page.next")
        shown.append(button(f"timeline.page.{number + 1}", after, value))
    return actions(aim.workflow_id, shown)


PAGE = 20
READING = 10.0
"""Seconds: the modal stands open already."""
OPENS = "case.timeline"

_TURN = re.compile(r"timeline\.page\.([0-9]{1,5})")
_log = structlog.get_logger(__name__)


def is_of_timeline(name: str) -> bool:
    """Whether an action_id opens a timeline, or turns its pages."""
    return name == OPENS or _TURN.fullmatch(name) is not None


class Timelines(Listener):
    """Opens it at once and fills it in; turns its pages."""

    async def show(self, press: Press, aim: Handle) -> None:
        """Takes a press on its button, or on one within it."""
        texts = await self._texts(press.source.person)
        turned = _TURN.fullmatch(press.name)
        if turned is not None and press.view:
            view = await self._page(press.source.person, aim, int(turned[1]), texts)
            await self._screen.redraw(press.view, view)
            return
        view_id = await self._screen.begin(press, _said("bot.modal.loading", texts))
        if view_id is not None:
            view = await self._page(press.source.person, aim, None, texts)
            await self._screen.redraw(view_id, view)

    async def _page(self, person: str, aim: Handle, number: int | None, texts: Catalog) -> View:
        try:
            async with asyncio.timeout(READING):
                refused = await self._refused(person, texts)
                if refused is not None:
                    return sentence_view("timeline", refused, texts)
                page = await self._read(person, aim.case, number)
        except (Unavailable, TimeoutError) as error:
            _log.warning("timeline_not_read", case=aim.case, error=str(error))
            return _said("bot.timeline.away", texts)
        if page is None:
            return _said("bot.timeline.unknown", texts, case=aim.case)
        return timeline_view(page, aim, PAGE, self._services, texts)

    async def _refused(self, person: str, texts: Catalog) -> str | None:
        """Why this person reads nothing: a card may stand where everybody sees it."""
        may = await holds(self._services.people, person, EVERYBODY)
        if may is None:
            return texts.say(UNKNOWN)
        return None if may else await role_needed(self._services.people, EVERYBODY, texts)

    async def _read(self, person: str, case: str, number: int | None) -> Timeline | None:
        """The page, after it was written down who looked."""
        why = "timeline" if number is None else f"timeline, page {number + 1}"
        note = LookedUp(by=person, kind="case", id=case, why=why, at=self._now())
        await self._services.ledger.looked_up(note)
        return await self._services.ledger.timeline(case, number, PAGE)


def _said(key: str, texts: Catalog, **values: str) -> View:
    return sentence_view("timeline", texts.say(key, **values), texts)
