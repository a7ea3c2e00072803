"""Commands `pause` and `resume` of automation."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from activities.errors import Unavailable
from activities.slack.actions import element
from activities.slack.blocks import actions
from activities.slack.i18n.catalog import Catalog
from bot.services.slack import Services
from bot.slack.commands import pages
from bot.slack.commands.base import Answer, Request, leads_said
from bot.slack.commands.parser import Incomplete, Lookups, Verb, plainly
from bot.slack.commands.playbook import no_playbook_page, playbook_named, playbooks_page
from bot.slack.interactions import Press
from bot.slack.listener import SlackContext
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
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Value

RESUME = "automation.resume"
ALL = "all"
"""Value of a button for the pause of everything."""

PAUSE_FORM = "pause off_platform for 2h"
RESUME_FORM = "resume off_platform"
_LASTS = re.compile(
    r"(?:(?:^|\s)for\s+|(?:^|\s))(?P<many>[1-9]\d{0,3})\s*"
    r"(?P<unit>m|min|minutes?|h|hours?|d|days?|分間?|時間|日間?)$"
)
_UNITS = {"m": "minutes", "分": "minutes", "h": "hours", "時": "hours", "d": "days", "日": "days"}
_ALL = ("all", "すべて", "全部")


class ChoosePause(Value):
    """`pause [for 2h]` without a playbook, which pauses nothing; `lasts` is as typed."""

    lasts: str = ""


class PauseAutomation(Value):
    """`pause PLAYBOOK|all [for 2h]`; `typed` is the time as typed."""

    playbook: str | None = None
    lasts: timedelta | None = None
    typed: str = ""


class ResumeAutomation(Value):
    """`resume [PLAYBOOK]`."""

    playbook: str | None = None
    typed: str = ""


AutomationLine = ChoosePause | PauseAutomation | ResumeAutomation


def _pause(rest: str, lookups: Lookups) -> Value:
    said = plainly(rest)
    found = _LASTS.search(said)
    named = said[: found.start()].strip() if found else said
    lasts = timedelta(**{_UNITS[found["unit"][0]]: int(found["many"])}) if found else None
    typed = found[0].strip() if found else ""
    if not named:
        return ChoosePause(lasts=typed)
    if len(named.split()) > 1:
        return Incomplete(form=PAUSE_FORM, wants_words=True)
    return PauseAutomation(playbook=_playbook_named(named), lasts=lasts, typed=typed)


def _resume(rest: str, lookups: Lookups) -> Value:
    named = plainly(rest)
    if len(named.split()) > 1:
        return Incomplete(form=RESUME_FORM, wants_words=True)
    return ResumeAutomation(playbook=_playbook_named(named))


def _playbook_named(named: str) -> str | None:
    return None if named in ("", *_ALL) else named


_log = structlog.get_logger(__name__)


class AutomationAnswer(Answer):
    """Pauses and resumes automation, and says so to the leads and in the channels."""

    verbs = (
        Verb("pause", _pause, ((PAUSE_FORM, "pause"),), "停止"),
        Verb("resume", _resume, ((RESUME_FORM, "resume"),), "再開"),
    )
    lines = (ChoosePause, PauseAutomation, ResumeAutomation)

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._asked: dict[str, AutomationChange] = {}

    async def answer(self, line: AutomationLine, request: Request) -> Said:
        """Carries out the change, which is durable on return. Raises `Unavailable`."""
        playbooks = self._services.policies.playbooks()
        if isinstance(line, ChoosePause):
            return _choice_page(line, playbooks, request.texts)
        found = None if line.playbook is None else playbook_named(line.playbook, playbooks)
        if line.playbook is not None and found is None:
            verb = "pause" if isinstance(line, PauseAutomation) else "resume"
            return no_playbook_page(verb, line.playbook, playbooks, request.texts, line.typed)
        outcome = await self._change(line, found.playbook if found else None, request)
        if isinstance(outcome, Unchanged):
            return await self._unchanged(outcome, request.texts)
        return self._applied(outcome, request)

    async def approve(self, press: Press, request: Request) -> Said:
        """Answers the button of a request to resume, which makes no request of its own.

        A button of a request that has ended is removed. Raises `Unavailable`.
        """
        playbook = None if press.value == ALL else press.value
        outcome = await self._services.automation.approve(request.actor, playbook, request.now)
        if not isinstance(outcome, Unchanged):
            return self._applied(outcome, request)
        said = await self._unchanged(outcome, request.texts)
        if outcome is Unchanged.ASK_OVER and press.message is not None:
            self._after.start(self._replies.replace(press.message, _without_button(said.text)))
        return said

    def _applied(self, change: AutomationChange, request: Request) -> Said:
        _log.info("automation_changed", kind=change.kind.value, playbook=change.playbook or ALL)
        before = self._asked.get(_request_of(change))
        self._asked[_request_of(change)] = change
        self._after.start(self._notify_leads(change, before))
        if change.kind is not PauseChange.RESUME_ASKED:
            self._after.start(self._announce(change))
        return pages.sentence(self._changed(change, request.texts))

    async def _unchanged(self, why: Unchanged, texts: Catalog) -> Said:
        key = f"bot.pause.no.{why}"
        if why is Unchanged.ROLE_NEEDED:
            return await leads_said(self._services.people, key, texts)
        return pages.sentence(texts.say(key, limit=texts.duration(LONGEST)))

    async def _change(
        self, line: PauseAutomation | ResumeAutomation, scope: str | None, request: Request
    ) -> AutomationChange | Unchanged:
        automation = self._services.automation
        if isinstance(line, PauseAutomation):
            return await automation.pause(request.actor, scope, line.lasts, request.now)
        return await automation.resume(request.actor, scope, request.now)

    def _changed(self, change: AutomationChange, texts: Catalog) -> str:
        scope = scope_name(change.playbook, self._services, texts)
        if change.kind is PauseChange.PAUSED and change.until is not None:
            return texts.say("bot.pause.paused.until", scope=scope, at=moment(change.until))
        if change.kind is PauseChange.RESUME_ASKED:
            lasts = texts.duration(ASK_LASTS)
            return texts.say("bot.pause.resume_asked", scope=scope, lasts=lasts)
        return texts.say(f"bot.pause.{change.kind}", scope=scope)

    async def _announce(self, change: AutomationChange) -> None:
        """Posts once in each channel of the playbooks concerned, in the deployment's language."""
        playbooks = self._services.policies.playbooks()
        concerned = {e.channel for e in playbooks if change.playbook in (None, e.playbook)}
        notice = self._notice(change, self._services.texts(self._services.language))
        for channel in sorted(concerned):
            await self._replies.in_channel(channel, notice)

    async def _notify_leads(
        self, change: AutomationChange, before: AutomationChange | None
    ) -> None:
        request, asks = _request_of(change), change.kind is PauseChange.RESUME_ASKED
        # An earlier request has expired where there is a new one.
        ended = partial(self._expired, before or change) if asks else partial(self._settled, change)
        await self._replies.settle(request, ended)
        try:
            leads = await self._services.people.members(Role.LEAD)
        except Unavailable as error:
            _log.warning("leads_not_notified", error=str(error))
            return
        for lead in leads:
            if lead != change.by:
                notice = self._notice(change, await self._texts(lead))
                await self._replies.directly(lead, notice, request if asks else None)
        if asks:
            self._after.start_endless(self._expire(change))

    async def _expire(self, change: AutomationChange) -> None:
        """Removes the buttons of a request in its time, unless there is a later one."""
        await asyncio.sleep(self._services.timeouts.resume)
        request = _request_of(change)
        if self._asked.get(request) == change:
            await self._replies.settle(request, partial(self._expired, change))

    async def _expired(self, change: AutomationChange, lead: str) -> Said:
        texts = await self._texts(lead)
        said = texts.say(
            "bot.pause.settled.expired",
            person=person(change.by, texts),
            scope=scope_name(change.playbook, self._services, texts),
            lasts=texts.duration(ASK_LASTS),
        )
        return _without_button(said)

    async def _settled(self, change: AutomationChange, lead: str) -> Said:
        """The end of a request to resume, in the place of its button."""
        texts = await self._texts(lead)
        said = texts.say(
            f"bot.pause.settled.{change.kind}",
            person=person(change.by, texts),
            scope=scope_name(change.playbook, self._services, texts),
            at=moment(change.at),
        )
        return _without_button(said)

    def _notice(self, change: AutomationChange, texts: Catalog) -> Said:
        ends = change.until is not None
        text = texts.say(
            f"bot.pause.announced.{change.kind}" + (".until" if ends else ""),
            person=person(change.by, texts),
            scope=scope_name(change.playbook, self._services, texts),
            at=moment(change.until) if change.until is not None else "",
        )
        if change.kind is not PauseChange.RESUME_ASKED:
            return pages.sentence(text)
        agree = element(RESUME, texts, change.playbook or ALL)
        return Said(text=text, blocks=(section(text), *actions("automation", [agree])))


def _request_of(change: AutomationChange) -> str:
    return f"{RESUME} {change.playbook or ALL}"


def _without_button(text: str) -> Said:
    return Said(text=text, blocks=(section(text),))


def _choice_page(line: ChoosePause, playbooks: Sequence[Playbook], texts: Catalog) -> Said:
    """The question what to pause, with each answer to type."""
    everything = pages.form_row(f"pause all {line.lasts}".strip(), texts.say("bot.pause.all"))
    title = texts.say("bot.pause.choose")
    return playbooks_page(title, "pause", playbooks, texts, line.lasts, (everything,))


def scope_name(playbook: str | None, services: Services, texts: Catalog) -> str:
    """`すべて`, or a playbook's title."""
    if playbook is None:
        return texts.say("bot.pause.all")
    found = services.policies.playbook(playbook)
    return safe(found.title.in_(texts.language) if found is not None else playbook, 100)


async def pause_blocks(services: Services, now: datetime, texts: Catalog) -> list[Block]:
    """The current pauses, as blocks. Raises `Unavailable`."""
    return pauses_page(await services.automation.active(now), services, texts)


def pauses_page(found: Sequence[PauseState], services: Services, texts: Catalog) -> list[Block]:
    """One line a pause; empty without pauses."""
    if not found:
        return []
    return [section("\n".join(_pause_line(each, services, texts) for each in found))]


def _pause_line(each: PauseState, services: Services, texts: Catalog) -> str:
    pause = each.pause
    line = texts.say(
        "bot.pause.current",
        scope=scope_name(pause.playbook, services, texts),
        person=person(pause.by, texts),
        at=moment(pause.at),
    )
    parts = [line]
    if pause.until is not None:
        parts.append(texts.say("words.until", time=moment(pause.until)))
    if each.asked_by is not None:
        parts.append(texts.say("bot.pause.asked", person=person(each.asked_by, texts)))
    return " · ".join(parts)
