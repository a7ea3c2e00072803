"""Commands `pause` and `resume` of automation."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from activities.errors import Unavailable
from activities.slack.blocks import actions, button
from activities.slack.i18n.catalog import Catalog
from bot.services.slack import Services
from bot.slack.commands import pages
from bot.slack.commands.parser import PauseAutomation, ResumeAutomation
from bot.slack.commands.playbook import nearest_playbook, playbook_named
from bot.slack.commands.request import Asked, leads_said
from bot.slack.context import Listener
from bot.slack.rendering import Block, moment, person, safe, section
from bot.slack.replies import Said
from workflows.domain.automation import (
    ASK_LASTS,
    LONGEST,
    AutomationChange,
    PauseChange,
    PauseState,
    Unchanged,
)
from workflows.domain.people import Role

RESUME = "automation.resume"
ALL = "all"
"""What stands in a button's value for the pause of everything."""

AutomationLine = PauseAutomation | ResumeAutomation

_log = structlog.get_logger(__name__)


class AutomationAnswer(Listener):
    """Stops and goes on, tells who did, and calls the leads."""

    async def answer(self, line: AutomationLine, asked: Asked) -> Said:
        """Takes a turn; it is durable when this returns. Raises `Unavailable`."""
        scope = self._scope(line)
        if isinstance(scope, Unnamed):
            verb = "pause" if isinstance(line, PauseAutomation) else "resume"
            nearest = verb if scope.nearest is None else f"{verb} {scope.nearest}"
            return pages.unknown_page(asked.texts, f"{verb} {line.playbook}", nearest)
        outcome = await self._turn(line, scope, asked)
        if outcome is Unchanged.ROLE_NEEDED:
            key = f"bot.brake.no.{outcome}"
            return await leads_said(self._services.people, key, asked.texts)
        if isinstance(outcome, Unchanged):
            return pages.sentence(self._unchanged(outcome, asked.texts))
        _log.info("automation_changed", kind=outcome.kind.value, playbook=outcome.playbook or ALL)
        self._after.start(self._tell_leads(outcome))
        return pages.sentence(self._taken(outcome, asked.texts))

    def _scope(self, line: AutomationLine) -> "str | Unnamed | None":
        """The playbook that is meant, None for all."""
        if line.playbook is None:
            return None
        playbooks = self._services.policies.playbooks()
        found = playbook_named(line.playbook, playbooks)
        if found is not None:
            return found.playbook
        return Unnamed(nearest_playbook(line.playbook, playbooks))

    async def _turn(
        self, line: AutomationLine, scope: str | None, asked: Asked
    ) -> AutomationChange | Unchanged:
        door = self._services.automation
        if isinstance(line, PauseAutomation):
            return await door.pause(asked.actor, scope, line.lasts, asked.now)
        return await door.resume(asked.actor, scope, asked.now)

    def _taken(self, change: AutomationChange, texts: Catalog) -> str:
        scope = self._named(change.playbook, texts)
        if change.kind is PauseChange.PAUSED and change.until is not None:
            return texts.say("bot.brake.paused.until", scope=scope, at=moment(change.until))
        if change.kind is PauseChange.RESUME_ASKED:
            lasts = texts.duration(ASK_LASTS)
            return texts.say("bot.brake.resume_asked", scope=scope, lasts=lasts)
        return texts.say(f"bot.brake.{change.kind}", scope=scope)

    def _unchanged(self, why: Unchanged, texts: Catalog) -> str:
        limit = texts.duration(LONGEST)
        return texts.say(f"bot.brake.no.{why}", limit=limit)

    def _named(self, playbook: str | None, texts: Catalog) -> str:
        return scope_name(playbook, self._services, texts)

    async def _tell_leads(self, change: AutomationChange) -> None:
        try:
            leads = await self._services.people.members(Role.LEAD)
        except Unavailable as error:
            _log.warning("leads_not_told", error=str(error))
            return
        for lead in leads:
            if lead != change.by:
                texts = await self._texts(lead)
                await self._replies.directly(lead, self._told(change, texts))

    def _told(self, change: AutomationChange, texts: Catalog) -> Said:
        text = texts.say(
            f"bot.brake.told.{change.kind}",
            person=person(change.by, texts),
            scope=self._named(change.playbook, texts),
        )
        if change.kind is not PauseChange.RESUME_ASKED:
            return pages.sentence(text)
        agree = button(RESUME, texts.say("bot.brake.agree"), change.playbook or ALL)
        return Said(text=text, blocks=(section(text), *actions("automation", [agree])))


class Unnamed:
    """A playbook that nobody knows; `nearest` is one that somebody does."""

    def __init__(self, nearest: str | None) -> None:
        self.nearest = nearest


def scope_name(playbook: str | None, services: Services, texts: Catalog) -> str:
    """`すべて`, or a playbook's title."""
    if playbook is None:
        return texts.say("bot.brake.all")
    found = services.policies.playbook(playbook)
    return safe(found.title.in_(texts.language) if found is not None else playbook, 100)


async def halts(services: Services, now: datetime, texts: Catalog) -> list[Block]:
    """What stands still now, in a paragraph; nothing where nothing does. Raises `Unavailable`."""
    return halts_page(await services.automation.standing(now), services, texts)


def halts_page(found: Sequence[PauseState], services: Services, texts: Catalog) -> list[Block]:
    """Each pause in a line."""
    if not found:
        return []
    return [section("\n".join(_halt(each, services, texts) for each in found))]


def _halt(each: PauseState, services: Services, texts: Catalog) -> str:
    pause = each.pause
    line = texts.say(
        "bot.brake.stands",
        scope=scope_name(pause.playbook, services, texts),
        person=person(pause.by, texts),
        at=moment(pause.at),
    )
    told = [line]
    if pause.until is not None:
        told.append(texts.say("words.until", time=moment(pause.until)))
    if each.asked_by is not None:
        told.append(texts.say("bot.brake.asked", person=person(each.asked_by, texts)))
    return " · ".join(told)
