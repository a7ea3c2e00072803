"""A modal opens at once: its trigger lives 3 s (docs.slack.dev, views.open)."""

import asyncio

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.handles import Handle
from bot.slack.doors import CaseLine, Doors, Unavailable
from bot.slack.languages import Languages
from bot.slack.modals.metadata import metadata_for
from bot.slack.modals.offer import Offer, offer_at, offer_of
from bot.slack.modals.views import view_of
from bot.slack.press import MODALS, Press, Unreadable
from bot.slack.replies import Replies, Said
from bot.slack.rights import EVERYBODY, READS_ONLY, holds, role_needed
from workflows.client import OutOfReach
from workflows.domain.case_state import Case, Phase
from workflows.domain.identity import closed_route
from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.text import Language

PATIENCE = 0.8
"""Seconds that the case is given to say what fits it; then everything is offered."""

LOOKING = 0.5
"""Seconds that the ledger is given for a subject's other cases; then an id is typed."""

CLOSED_TOO = frozenset({"note", "reopen"})
"""Modals that make sense for a case which does not run any more."""

UNDECIDED_ONLY = frozenset({"decide", "handover", "snooze", "wait", "merge"})
"""Modals that nobody should fill in for a case which is over."""

# A repeated call after a lost answer: the first one opened the modal.
_OPEN_ALREADY = "exchanged_trigger_id"

_log = structlog.get_logger(__name__)


class CaseOver(Exception):
    """No case runs any more where the button points to."""


class Opening:
    """Opens the modal of a press."""

    def __init__(
        self, doors: Doors, languages: Languages, replies: Replies, client: AsyncWebClient
    ) -> None:
        self._doors = doors
        self._languages = languages
        self._replies = replies
        self._client = client

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal of a press, or tells the person why it did not open."""
        name = MODALS[press.name]
        person = press.source.person
        asking = asyncio.gather(
            self._languages.of(person),
            self._offer(aim, name),
            holds(self._doors.people, person, _allowed(name)),
        )
        problem = None
        try:
            language, offer, may = await asking
            if may is False:
                await self._refuse(press, _allowed(name), language)
                return
            problem = await self._show(press, self._view(press, aim, offer, language))
        except CaseOver:
            problem = "bot.modal.case_over"
        except Unreadable:
            problem = "bot.press.unreadable"
        if problem is not None:
            await self._tell(press, problem)

    def _view(self, press: Press, aim: Handle, offer: Offer, language: Language) -> View:
        if press.source.place is None:
            raise Unreadable("a modal of a case opens from a message")
        name, texts = MODALS[press.name], self._doors.texts(language)
        limits = offer.limits if name == "decide" else None
        metadata = metadata_for(aim, press.source.place, language, limits)
        return view_of(name, offer, metadata, texts)

    async def _offer(self, aim: Handle, name: str) -> Offer:
        try:
            async with asyncio.timeout(PATIENCE):
                case = await self._case(aim)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("case_not_asked", case=aim.case, error=str(error))
            case = None
        except CaseOver:
            if name not in CLOSED_TOO:
                raise
            case = None
        if case is None:
            return offer_at(aim.route, self._doors.policies)
        if case.phase is Phase.CLOSED and name in UNDECIDED_ONLY:
            raise CaseOver(aim.case)
        others = await self._others(case) if name == "merge" else ()
        return offer_of(case).model_copy(update={"others": others})

    async def _case(self, aim: Handle) -> Case | None:
        """The case, where it was opened or was woken up after its end; None while it wakes up.

        Raises `CaseOver` and `OutOfReach`.
        """
        for route in dict.fromkeys((aim.route, closed_route(aim.case))):
            memory = await self._doors.cases.memory(route)
            if memory is not None and (memory.case is None or memory.case.id == aim.case):
                return memory.case
        raise CaseOver(aim.case)

    async def _others(self, case: Case) -> tuple[CaseLine, ...]:
        try:
            async with asyncio.timeout(LOOKING):
                past = await self._doors.ledger.past(case.subject)
        except (Unavailable, TimeoutError) as error:
            _log.warning("other_cases_not_asked", case=case.id, error=str(error))
            return ()
        return tuple(
            line for line in past.cases if line.phase is not Phase.CLOSED and line.id != case.id
        )

    async def _show(self, press: Press, view: View) -> str | None:
        """Opens `view`; the key of what to tell the person where Slack did not."""
        try:
            await self._client.views_open(trigger_id=press.source.trigger_id, view=view)
        except SlackApiError as error:
            code = error.response.get("error")
            if code == _OPEN_ALREADY:
                return None
            _log.warning("modal_not_opened", error=code)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("modal_not_opened", error=str(error))
        else:
            return None
        return "bot.modal.not_opened"

    async def _refuse(self, press: Press, allowed: frozenset[Role], language: Language) -> None:
        """Nobody types what would be refused. Who is not known types: the case asks again."""
        texts = self._doors.texts(language)
        text = await role_needed(self._doors.people, allowed, texts)
        await self._replies.privately(press.source, Said(text=text))

    async def _tell(self, press: Press, key: str) -> None:
        language = await self._languages.of(press.source.person)
        await self._replies.privately(press.source, Said(text=self._doors.texts(language).say(key)))


def _allowed(name: str) -> frozenset[Role]:
    """Who may at all send this modal; policy says who approves, and whom a role covers for."""
    return EVERYBODY - READS_ONLY if name in ("reject", "ask") else WORKING_ROLES
