"""List of the subjects of a bulk decision, a page at a time: failed ones first."""

import asyncio
import re
from datetime import UTC
from typing import Any

import structlog
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack import handles
from activities.slack.blocks import actions, button
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader, problem_words
from bot.services.bulk import BulkPage, DoneLine, SubjectLine
from bot.services.cases import LookedUp
from bot.slack.bulk.decide import BulkModal
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press
from bot.slack.permissions import EVERYBODY, UNKNOWN, holds, role_needed
from bot.slack.rendering import Block, safe, section, sections, subject_name

PAGE = 25
READING = 1.5
"""Seconds: the trigger of a press lives 3 s."""
LIST = "bulk.list"

_TURN = re.compile(r"ring\.page\.([0-9]{1,4})")
_log = structlog.get_logger(__name__)


def is_of_list(name: str) -> bool:
    """Whether an action_id opens the list, or turns its pages."""
    return name == LIST or _TURN.fullmatch(name) is not None


class BulkList(Listener):
    """Opens the list, and turns its pages."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._bulk_ledger = context.services.bulk_decisions

    async def show(self, press: Press, aim: Handle) -> None:
        """Takes a press on the list's button, or on one within it."""
        may = await holds(self._services.people, press.source.person, EVERYBODY)
        if not may:
            await self._refuse(press, known=may is not None)
            return
        turned = _TURN.fullmatch(press.name)
        number = int(turned[1]) if turned is not None else 0
        try:
            async with asyncio.timeout(READING):
                page = await self._page(press.source.person, aim, number)
        except (Unavailable, TimeoutError) as error:
            _log.warning("ring_not_listed", case=aim.case, error=str(error))
            await self._screen.tell(press.source, "bot.slash.unavailable")
            return
        if page is None:
            await self._screen.tell(press.source, "bot.bulk.list.none")
            return
        texts = await self._texts(press.source.person)
        view = list_view(page, aim, texts)
        if press.view:
            await self._screen.redraw(press.view, view)
        else:
            await self._screen.open(press.source, view)

    async def _refuse(self, press: Press, known: bool) -> None:
        """Ids of accounts are for the team; where nobody can tell who is of it, for nobody."""
        people = self._services.people
        texts = await self._texts(press.source.person)
        text = await role_needed(people, EVERYBODY, texts) if known else texts.say(UNKNOWN)
        await self._screen.say(press.source, text)

    async def _page(self, person: str, aim: Handle, number: int) -> BulkPage | None:
        """The page, after it was written down who looked."""
        why = f"ring, page {number + 1}"
        note = LookedUp(by=person, kind="case", id=aim.case, why=why, at=self._now())
        await self._services.ledger.looked_up(note)
        return await self._bulk_ledger.page(aim.case, number * PAGE, PAGE)


def list_view(page: BulkPage, aim: Handle, texts: Catalog) -> View:
    """One page."""
    last = page.first + len(page.lines)
    head = texts.say(
        "bot.bulk.list.range", first=min(page.first + 1, last), last=last, total=page.total
    )
    blocks: list[Block] = [
        section(f"*{head}*"),
        *sections(_line(line, texts) for line in page.lines),
        *_turning(page, aim, texts),
    ]
    return View(
        type="modal",
        callback_id="bulk_list",
        title={"type": "plain_text", "text": texts.say("bot.bulk.list.title")},
        close={"type": "plain_text", "text": texts.say("bot.modal.close")},
        blocks=blocks,
    )


def _turning(page: BulkPage, aim: Handle, texts: Catalog) -> list[Block]:
    number, value = page.first // PAGE, handles.encode(aim.case, aim.version)
    shown: list[dict[str, Any]] = []
    if number > 0:
        before = texts.say("bot.page.before")
        shown.append(button(f"ring.page.{number - 1}", before, value))
    if page.first + PAGE < page.total:
        after = texts.say("bot.page.next")
        shown.append(button(f"ring.page.{number + 1}", after, value))
    return actions(aim.workflow_id, shown)


def _line(line: SubjectLine, texts: Catalog) -> str:
    name = subject_name(line.subject, texts)
    done = [_done(each, texts) for each in line.done] or [texts.say("bot.bulk.list.waiting")]
    return f"• {name} · {' · '.join(done)}"


def _done(done: DoneLine, texts: Catalog) -> str:
    title = safe(done.title.in_(texts.language) if done.title else done.name, 60)
    status = texts.say(f"action.status.{done.status}")
    words = f"{title}: {status}"
    if done.problem is None:
        return words
    problem = problem_words(done.problem, Reader(texts=texts, zone=UTC))
    return texts.say("words.noted", what=words, note=problem)


OPENS = "case.bulk"


class BulkListener(Listener):
    """Its modal `deciding`, and the list of subjects."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._deciding = BulkModal(context)
        self._listing = BulkList(context)

    def hears(self, press: Press) -> bool:
        """Whether a press opens one of its modals."""
        return press.name == OPENS or is_of_list(press.name)

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal of a press, or turns its page."""
        if press.name == OPENS:
            await self._deciding.open(press, aim)
        else:
            await self._listing.show(press, aim)
